"""The answers' shapes, for the OpenAPI document, one module per subject. Those of boards, decisions,
trades and models are the documents that `arena … --json` prints.

Money is text with two decimals in the arena's currency unless a field says otherwise, a price has four
decimals, a ratio is a fraction (0.05 is five per cent), a time is ISO 8601 with its offset. What is not
defined is null.
"""
