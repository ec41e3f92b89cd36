"""Guesses from names, in some languages, and from contents what the columns of a table are for."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from storage.mappings import Mapping, Target
from worker.datasets.fields import Record
from worker.datasets.roles import ALIASES

QUESTION = ("question", "query", "prompt", "instruction", "input", "user", "human")
ANSWER = ("answer", "response", "output", "completion", "reply", "assistant", "target")
CONTEXT = ("context", "passage", "background")
SYSTEM = ("system", "system_prompt", "systemprompt")
TEXT = ("text", "content", "document", "article", "body", "story", "passage")
_ELSEWHERE_QUESTION = (
    *("frage", "anfrage", "eingabe", "pregunta", "pergunta", "questao", "domanda", "vraag"),
    *("demande", "consigne", "fråga", "spørgsmål", "pytanie", "otázka", "kérdés", "soru"),
    *("вопрос", "питання", "ερώτηση", "问题", "問題", "質問", "질문", "سؤال", "प्रश्न", "câu hỏi"),
    *("problem", "user_message", "question_text", "post", "title"),
)
_ELSEWHERE_ANSWER = (
    *("antwort", "ausgabe", "respuesta", "resposta", "réponse", "reponse", "risposta", "antwoord"),
    *("svar", "odpowiedź", "odpověď", "válasz", "cevap", "ответ", "відповідь", "απάντηση"),
    *("答案", "回答", "解答", "답변", "جواب", "उत्तर", "trả lời"),
    *("solution", "long_answer", "assistant_message", "answer_text", "comment", "summary"),
)
_NUMBER = re.compile(r"[-+]?[\d.,: /-]+%?")  # numbers, dates and times: seldom what is asked
_LONG = 200  # characters of an example that are shown


@dataclass(frozen=True)
class Column:
    """What a sample shows of one field."""

    name: str
    kind: str  # text, number, list, object or boolean
    examples: tuple[str, ...]
    filled: float  # share of the rows in which it is there and not empty
    length: float  # mean of the characters of its texts
    varied: float  # share of distinct values among the filled ones that are no lists or objects


def columns_of(rows: list[Record]) -> list[Column]:
    """The fields of the rows, most common first; at most 100."""
    counts = Counter(name for row in rows for name in row)
    return [_column(name, rows) for name, _ in counts.most_common(100)]


def guess(columns: list[Column], rows: list[Record]) -> tuple[Mapping | None, float, str]:
    """The likeliest mapping, how sure that is (0 to 1), and why in words."""
    columns = [column for column in columns if column.name]  # one without a name is never meant
    turns = _conversations(columns, rows)
    if turns:
        return turns
    texts = [column for column in columns if column.kind == "text" and column.filled >= 0.3]
    if not texts:
        return None, 0.0, "No field holds text in enough of the rows."
    asked, sure_asked = _named(texts, QUESTION, _ELSEWHERE_QUESTION)
    rest = [column for column in texts if column is not asked]
    answered, sure_answered = _named(rest, ANSWER, _ELSEWHERE_ANSWER)
    if asked and answered:
        sure = min(sure_asked, sure_answered)
        return _pair(asked, answered, columns), sure, _why(asked, answered, "their names")
    if len(texts) == 1:
        only = texts[0]
        sure = 0.9 if only.name.lower() in TEXT else 0.4
        return Mapping(target=Target.TEXT, text=only.name), sure, f'Only "{only.name}" holds text.'
    return _by_length(texts, asked, answered, columns)


def _by_length(
    texts: list[Column], asked: Column | None, answered: Column | None, columns: list[Column]
) -> tuple[Mapping | None, float, str]:
    """The longest texts are the answers, the fullest of the others the questions."""
    free = [column for column in texts if column not in (asked, answered)]
    wordy = [column for column in free if not all(map(_NUMBER.fullmatch, column.examples))] or free
    varied = [column for column in wordy if column.varied > 0.1] or wordy
    if answered is None:
        answered = max(varied, key=lambda column: column.filled * column.length)
    if asked is None:
        others = [column for column in varied if column is not answered] or [
            column for column in free if column is not answered
        ]
        asked = max(others, key=lambda column: (column.filled, column.varied))
    return _pair(asked, answered, columns), 0.3, _why(asked, answered, "the length of their texts")


def _pair(asked: Column, answered: Column, columns: list[Column]) -> Mapping:
    names = {column.name.lower(): column.name for column in columns if column.kind == "text"}
    context = next((names[name] for name in CONTEXT if name in names), None)
    system = next((names[name] for name in SYSTEM if name in names), None)
    question: tuple[str, ...] = (asked.name,)
    if asked.name.lower() == "instruction" and "input" in names:
        question = (asked.name, names["input"])
    if context and context not in (asked.name, answered.name):
        question = (context, *question)
    return Mapping(question=question, answer=answered.name, system=system)


def _why(asked: Column, answered: Column, by: str) -> str:
    return f'Judging by {by}, "{asked.name}" is the question and "{answered.name}" the answer.'


def _named(
    columns: list[Column], plain: tuple[str, ...], elsewhere: tuple[str, ...]
) -> tuple[Column | None, float]:
    """The column with the likeliest name, and how sure that is."""
    by_name = {column.name.strip().lower(): column for column in columns}
    for name in plain:
        if name in by_name:
            return by_name[name], 0.95
    for name in elsewhere:
        if name in by_name:
            return by_name[name], 0.7
    for name in (*plain, *elsewhere):
        near = get_close_matches(name, by_name, 1, 0.8)
        within = [known for known in by_name if name in known and len(name) > 3]
        if near or within:
            return by_name[(near or within)[0]], 0.6
    return None, 0.0


def _conversations(
    columns: list[Column], rows: list[Record]
) -> tuple[Mapping | None, float, str] | None:
    """A column whose values are lists of objects with a speaker and a text."""
    for column in columns:
        turns = [
            turn
            for row in rows[:200]
            if isinstance(row.get(column.name), list)
            for turn in row[column.name]
            if isinstance(turn, dict)
        ]
        names = _speaker_and_text(turns) if column.kind == "list" and turns else None
        if names:
            role, content = names
            speakers = list(dict.fromkeys(str(turn.get(role)) for turn in turns))
            roles = _roles(speakers)
            sure = 0.9 if names in (("role", "content"), ("from", "value")) else 0.6
            mapping = Mapping(
                messages=column.name, role=role, content=content, roles=roles, system=None
            )
            return mapping, sure, f'"{column.name}" holds lists of messages.'
    return None


def _speaker_and_text(turns: list[dict[str, Any]]) -> tuple[str, str] | None:
    """The field with the fewest distinct texts names the speaker, the longest is the text."""
    keys = [key for key, value in turns[0].items() if isinstance(value, str)]
    if len(keys) < 2:
        return None
    if "role" in keys and "content" in keys:
        return "role", "content"
    if "from" in keys and "value" in keys:
        return "from", "value"
    content = max(keys, key=lambda key: sum(len(str(turn.get(key))) for turn in turns))
    others = [key for key in keys if key != content]
    return min(others, key=lambda key: len({str(turn.get(key)) for turn in turns})), content


def _roles(speakers: list[str]) -> dict[str, Any]:
    """Our roles for speakers that everybody knows; of two unknown ones the first is the user."""
    if len(speakers) == 2 and not any(name.strip().lower() in ALIASES for name in speakers):
        return {speakers[0]: "user", speakers[1]: "assistant"}
    return {
        name: ALIASES[name.strip().lower()] for name in speakers if name.strip().lower() in ALIASES
    }


def _column(name: str, rows: list[Record]) -> Column:
    values = [row[name] for row in rows if row.get(name) not in (None, "", [], {})]
    kinds = Counter(_kind(value) for value in values)
    texts = [value for value in values if isinstance(value, str)]
    plain = [value for value in values if not isinstance(value, list | dict)]
    distinct = {_short(value) for value in plain}
    return Column(
        name=name,
        kind=kinds.most_common(1)[0][0] if kinds else "text",
        examples=tuple(dict.fromkeys(_short(value) for value in values[:10]))[:3],
        filled=round(len(values) / len(rows), 4),
        length=sum(map(len, texts)) / max(1, len(texts)),
        varied=len(distinct) / max(1, len(plain)),
    )


def _short(value: Any) -> str:
    return value[:_LONG] if isinstance(value, str) else str(value)[:_LONG]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "text", int: "number", float: "number", list: "list", dict: "object"}
    return kinds[type(value)]
