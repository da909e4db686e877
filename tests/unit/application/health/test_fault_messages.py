"""Each fault has one sentence with cause and remedy, in both languages."""

import string

import pytest

from application.health.fault_messages import SENTENCES, summarise_faults
from application.health.faults import CONSEQUENCES, SystemFault, fault_of


@pytest.mark.parametrize("fault", SystemFault)
def test_every_fault_has_a_cause_and_a_remedy_in_both_languages(fault: SystemFault) -> None:
    sentence = SENTENCES[fault]
    texts = [text for said in (sentence.cause, sentence.remedy) for text in (said.en, said.de)]
    assert len(set(texts)) == 4
    for text in texts:
        assert text == text.strip()
        assert text[-1] in string.ascii_letters + string.digits + ")", "the full stop comes with the sentence"
        assert ". " not in text, "one sentence"
    assert sentence.text() == f"{sentence.cause.en}: {sentence.remedy.en}."
    assert sentence.text("de") == f"{sentence.cause.de}: {sentence.remedy.de}."


def test_sentences_differ() -> None:
    assert len({SENTENCES[fault].text() for fault in SystemFault}) == len(SystemFault)


def test_only_known_faults_have_consequences() -> None:
    assert all(later in SENTENCES for some in CONSEQUENCES.values() for later in some)


def test_an_error_about_a_call_is_no_fault_of_the_installation() -> None:
    assert fault_of(KeyError("x")) is None


def test_all_well_is_said_in_both_languages() -> None:
    assert (summarise_faults([]), summarise_faults([], "de")) == ("Everything works.", "Alles arbeitet.")
