"""The tokenizer gives back any text and marks exactly the answers."""

from hypothesis import given
from hypothesis import strategies as st

from worker.starter import corpus, tokenizer

START, END = "<|im_start|>", "<|im_end|>"

WORDS = tokenizer.train(corpus.conversations(200, seed=7), 1024, 1024)

CONTENT = st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda text: "<|" not in text)
EXCHANGES = st.lists(st.tuples(CONTENT, CONTENT.filter(bool)), min_size=1, max_size=3)


@given(st.text(st.characters(codec="utf-8")).filter(lambda text: "<|" not in text))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert WORDS.decode(WORDS.encode(text, add_special_tokens=False)) == text


def test_common_words_are_one_token() -> None:
    for word in (" doctor", " the", "assistant\n"):
        assert len(WORDS.encode(word)) <= 2, word
    assert len(WORDS.encode(" See a doctor")) < len(" See a doctor") / 2


def test_marks_are_one_token_each() -> None:
    assert len(WORDS.encode(START)) == len(WORDS.encode(END)) == 1
    assert WORDS.eos_token == END
    assert WORDS.pad_token not in (START, END)


def by_hand(system: str, exchanges: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """Return tokens and answer mask, piece by piece, without the template.

    The tokenizer does not merge across the marks, so pieces between marks may be cut alone.
    """
    pieces = [(f"{START}system\n{system}{END}\n", 0)] if system else []
    for question, answer in exchanges:
        pieces.append((f"{START}user\n{question}{END}\n", 0))
        pieces += [(f"{START}assistant\n", 0), (f"{answer}{END}", 1), ("\n", 0)]
    tokens: list[int] = []
    mask: list[int] = []
    for text, answers in pieces:
        ids = WORDS.encode(text, add_special_tokens=False)
        tokens += ids
        mask += [answers] * len(ids)
    return tokens, mask


def conversation(system: str, exchanges: list[tuple[str, str]]) -> corpus.Conversation:
    """Return the messages; a system prompt stands there even if it is empty."""
    turns = [{"role": "system", "content": system}]
    for question, answer in exchanges:
        turns.append({"role": "user", "content": question})
        turns.append({"role": "assistant", "content": answer})
    return turns


@given(system=CONTENT, exchanges=EXCHANGES)
def test_the_template_marks_the_answers_and_their_ends(
    system: str, exchanges: list[tuple[str, str]]
) -> None:
    made = WORDS.apply_chat_template(
        conversation(system, exchanges), return_dict=True, return_assistant_tokens_mask=True
    )
    text = WORDS.decode(made["input_ids"])
    assert text == WORDS.decode(by_hand(system, exchanges)[0])
    marked = [i for i, m in zip(made["input_ids"], made["assistant_masks"], strict=True) if m]
    assert WORDS.decode(marked) == "".join(answer + END for _, answer in exchanges)


def test_tokens_and_mask_are_those_made_by_hand() -> None:
    exchanges = [("I have a cold", "Rest and drink."), ("Thanks", "You are welcome.")]
    for system in ("", "Be brief."):
        made = WORDS.apply_chat_template(
            conversation(system, exchanges), return_dict=True, return_assistant_tokens_mask=True
        )
        assert (made["input_ids"], made["assistant_masks"]) == by_hand(system, exchanges)


def test_an_empty_system_prompt_is_as_none() -> None:
    exchanges = [("Hi", "Hello!")]
    with_empty, without = conversation("", exchanges), conversation("", exchanges)[1:]
    assert WORDS.apply_chat_template(with_empty) == WORDS.apply_chat_template(without)


def test_a_prompt_ends_where_the_answer_begins() -> None:
    asked = [{"role": "user", "content": "Hi"}]
    answered = [*asked, {"role": "assistant", "content": "Hello!"}]
    prompt = WORDS.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    whole = WORDS.apply_chat_template(answered, tokenize=False)
    assert whole == f"{prompt}Hello!{END}\n"
