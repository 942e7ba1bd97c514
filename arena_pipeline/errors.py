"""Every error that Sentiment Arena raises on purpose, in one tree.

    ArenaError
    ├── ConfigError        a key of arena.toml or of the environment is wrong (exit code 2)
    ├── DataError          input that was refused at the border
    │   └── EmptyReplacement   a partition that holds rows would be replaced by nothing
    ├── SourceError        a vendor did not give what was asked for
    │   ├── NotCovered         the vendor answers, and does not have this item: a normal outcome
    │   │   └── PremiumOnly        it has it, for another plan than ours
    │   ├── FeedBroken         the answer is no feed, or no answer came: never "no news"
    │   ├── RateLimited        the vendor's or our own budget is used up
    │   └── VendorRefused      the vendor rejected the request itself (plan, parameters)
    │       └── KeyRefused         the vendor does not accept the key: so it is with every request
    ├── ModelError         a language model gave no usable answer
    │   └── BudgetExhausted    the spending cap would be passed; nothing was sent
    ├── ChainGap           a session was asked for before the sessions it builds on
    ├── ArchiveError       the archive cannot vouch for an entry
    │   ├── ArchiveMissing     the entry is not there; during a replay nothing else is asked
    │   └── ArchiveCorrupt     the bytes no longer have the hash in their name
    └── LedgerError        the ledger refused a write, or holds something impossible
        └── NewerLedger        a newer version wrote it, with a schema that this one does not know

Each says what happened, to which thing, and what to do about it (`remedy`).
"""

from __future__ import annotations


class ArenaError(Exception):
    """Base of the tree. `str(error)` is the fact; `remedy` is what to do about it, possibly empty."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}. {self.remedy}" if self.remedy else message


class ConfigError(ArenaError):
    """A configuration value is missing or wrong; names file, key and remedy."""


class DataError(ArenaError):
    """Input refused at the border."""


class EmptyReplacement(DataError):
    """A partition that holds rows would be replaced by an empty one."""


class SourceError(ArenaError):
    """A vendor did not give what was asked for."""


class NotCovered(SourceError):
    """The vendor does not cover this item: a normal outcome, remembered and shown as such."""


class PremiumOnly(NotCovered):
    """The vendor covers this item, but not for our plan."""


class FeedBroken(SourceError):
    """The feed did not answer with a feed. Distinct from a feed without items."""


class OutOfCredit(SourceError):
    """The key of a model endpoint may spend nothing more."""


class RateLimited(SourceError):
    """The vendor's limit, or our own budget for it, is used up."""


class VendorRefused(SourceError):
    """The vendor rejected the request: wrong key, plan, or parameters. Not retried."""


class KeyRefused(VendorRefused):
    """The vendor does not accept the key; asking for anything else is no use until it is another one."""


class ModelError(ArenaError):
    """A language model gave no usable answer after the bounded number of attempts."""


class BudgetExhausted(ModelError):
    """The spending cap would be passed; no request was sent."""


class ChainGap(ArenaError):
    """A model's session was asked for while an earlier one is undecided."""


class ArchiveError(ArenaError):
    """The archive cannot vouch for an entry."""


class ArchiveMissing(ArchiveError):
    """The entry asked for is not in the archive."""


class ArchiveCorrupt(ArchiveError):
    """An entry's bytes do not have the hash that names them."""


class LedgerError(ArenaError):
    """The ledger refused a write, or holds something impossible."""


class NewerLedger(LedgerError):
    """The ledger was written by a newer version, whose schema this one does not know."""
