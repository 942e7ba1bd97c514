"""What a page shows of a model call: the prompt word for word, with the facts marked that an order cites."""

from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.llm.prompts import decision_prompt
from dashboards.calls import Stretch, marked
from tests.llm.test_prompts import context

FACT = '{"id":"T1","signal":"bearish","text":"RSI 71.2 above 70: overbought"}'


def test_a_cited_fact_is_marked_where_it_stands_in_the_briefing_of_its_share():
    prompt = decision_prompt(context()).user
    found = marked(prompt, ["SIE.DE:T1"])
    assert [each.cite for each in found] == ["", "SIE.DE:T1", ""]
    assert found[1].text == FACT
    assert FACT in found[0].text, "the same fact of the other share stays unmarked"
    assert '"symbol":"SAP.DE"' in found[0].text
    assert "".join(each.text for each in found) == prompt


def test_facts_of_several_shares_are_marked_in_the_order_of_the_prompt():
    prompt = decision_prompt(context()).user
    found = marked(prompt, ["SIE.DE:T1", "SAP.DE:T1", "SAP.DE:T9", "nothing"])
    assert [each.cite for each in found if each.cite] == ["SAP.DE:T1", "SIE.DE:T1"]
    assert "".join(each.text for each in found) == prompt


@given(st.text(), st.lists(st.text(alphabet='SAP.DE:T1"}{\\', max_size=12)))
def test_a_message_stays_the_same_word_for_word_whatever_is_cited(text, cites):
    assert "".join(each.text for each in marked(text, cites)) == text


def test_a_message_of_another_form_is_one_stretch():
    assert marked('{"id":"T1", cut off "symbol":"SAP.DE"}', ["SAP.DE:T1"]) == [
        Stretch('{"id":"T1", cut off "symbol":"SAP.DE"}')
    ]
