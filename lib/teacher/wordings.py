"""The phrases that prompts are put together from (lib/teacher/prompts.py), in several wordings that mean the same.

How much hangs on the wording is an open question of 2407.12813. Each wording asks for the same things: the facts of a prompt
(labels with their meanings, numbers, examples, the form of the reply) are filled in, and the texts are wanted in the language of
the task, whatever language the instructions are in. Two more ways to ask are no mere wordings: `verbalized` and `two_questions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

DEFAULT: Final = "default"
WritingPrompt = Literal["default", "terse", "formal", "persona", "instructions_last", "german", "japanese", "verbalized"]
LabelingPrompt = Literal["default", "terse", "formal", "persona", "instructions_last", "german", "japanese", "two_questions"]


@dataclass(frozen=True)
class Wording:
    """Phrases, with places for facts in braces. Where there are two, the first is for one example and the second for many."""

    writer: str
    """What the teacher is, where it writes; the system message."""
    labeler: str
    creator: str
    """Where it follows one example (2310.20111)."""
    task: str
    with_label: str
    """After `an example`."""
    write: tuple[str, str]
    write_any: tuple[str, str]
    """The teacher chooses the label."""
    differ: str
    """How many examples differ from each other."""
    real: str
    real_hidden: str
    """Also, that the text should not name its label."""
    fields: str
    reply: str
    """The form of the reply that holds examples; `answer` is that of any other."""
    answer: str
    topic: str
    list_topics: str
    shown: tuple[str, str]
    like: tuple[str, str]
    same_topic: str
    list_attributes: str
    attributes_apart: str
    """Where one list of attributes is for all labels."""
    attributes: tuple[str, str]
    recent: str
    """Examples that were written lately, which new ones differ from."""
    lengths: tuple[str, str]
    """About how many words each field has."""
    labels: str
    labeled: str
    """Examples with their labels, to label another one."""
    example: str
    choices: str
    which_label: str
    which_choice: str
    create: str
    create_fixed: str
    """All examples have the same options."""
    create_free: str
    create_reply: str
    probability: str = ""
    """Each example comes with its probability, where this is said."""
    two_questions: bool = False
    """Whether the labels that could be meant are asked for before the label."""
    last: bool = False
    """Whether the instructions come after what is shown."""


_JSON_ONLY = "You answer with one JSON object and nothing else."
_PLAIN = Wording(
    writer=f"You write examples for a data set. {_JSON_ONLY}",
    labeler=f"You label examples for a data set. {_JSON_ONLY}",
    creator="You create data.",
    task="The task: {description}",
    with_label=" with the label {label}",
    write=("Write one example with the label {label}.", "Write {n} examples, each with the label {label}."),
    write_any=(
        "Write one example, and after it its label. No label is more likely than another.",
        "Write {n} examples, and after each its label. No label is more likely than another.",
    ),
    differ="Make them differ from each other in content, wording, tone and length.",
    real="They should read like the real thing, in {language}.",
    real_hidden="They should read like the real thing, in {language}, and not give the label away by naming it.",
    fields="The fields of an example:\n{fields}",
    reply="Answer in this form, with {n} in the list: {form}",
    answer="Answer in this form: {form}",
    topic="The topic: {topic}. Each example is about this topic or something close to it.",
    list_topics=(
        "To make the examples varied, each will be written on a topic of its own. List {n} different {what}. A topic is a phrase "
        "of two to six words, in {language}."
    ),
    shown=("An example{which}:", "Examples{which}:"),
    like=(
        "Keep to the sort of the one shown above, but write something new.",
        "Keep to the sort of those shown above, but write something new.",
    ),
    same_topic="Stay on its topic.",
    list_attributes=(
        "To make the examples varied, each will be written to values of some attributes, drawn at random. "
        "Name {n} attributes in which such examples{which} differ from each other, as subject, setting, style, length or point "
        "of view may be, and {values} values of each. Any value of one attribute should go with any value of another{apart}. An "
        "attribute is named in one to three words, a value in one to six, in {language}."
    ),
    attributes_apart=", and none should give a label away",
    attributes=("Its attributes:", "The attributes of each example, in order:"),
    recent="Written lately. Write something else, different from each of these:",
    lengths=("Its length, in about so many words:", "The length of each example, in about so many words, in order:"),
    labels="The labels:",
    labeled="Examples with their labels:",
    example="The example:",
    choices="Its choices:",
    which_label="Which label is right? Answer in this form: {form}",
    which_choice="Which choice is right? Answer with its words in this form: {form}",
    create=(
        "You are given one example of a data set as a JSON object. Create {n} more in the same format, with different content."
    ),
    create_fixed="Each has the same options as the example. Spread the answers over the options.",
    create_free="Each has {options} options, one of them right. The {n} answers differ from each other.",
    create_reply="Answer with one JSON object in this form, with {n} in the list, and nothing else: {form}",
)
_TERSE = Wording(
    writer="Data set writer. Output: one JSON object only.",
    labeler="Data set labeler. Output: one JSON object only.",
    creator="Data creator.",
    task="Task: {description}",
    with_label=", label {label}",
    write=("Write 1 example, label {label}.", "Write {n} examples, label {label}."),
    write_any=(
        "Write 1 example, then its label. All labels equally likely.",
        "Write {n} examples, each followed by its label. All labels equally likely.",
    ),
    differ="Vary content, wording, tone, length.",
    real="Realistic, in {language}.",
    real_hidden="Realistic, in {language}. Label not named.",
    fields="Fields:\n{fields}",
    reply="Form, {n} in list: {form}",
    answer="Form: {form}",
    topic="Topic, or close to it: {topic}.",
    list_topics="Each example gets a topic, for variety. List {n} different {what}. 2-6 words each, in {language}.",
    shown=("Example{which}:", "Examples{which}:"),
    like=("Same sort as above, new content.", "Same sort as above, new content."),
    same_topic="Same topic.",
    list_attributes=(
        "Each example gets random values of attributes, for variety. Name {n} attributes in which examples{which} differ "
        "(subject, setting, style, length, point of view, ...), {values} values each. Values combine freely{apart}. Attribute: "
        "1-3 words, value: 1-6 words, in {language}."
    ),
    attributes_apart="; none gives a label away",
    attributes=("Attributes:", "Attributes of each, in order:"),
    recent="Written lately; differ from each:",
    lengths=("Words, about:", "Words of each, about, in order:"),
    labels="Labels:",
    labeled="Labeled examples:",
    example="Example:",
    choices="Choices:",
    which_label="Right label? Form: {form}",
    which_choice="Right choice, in its words? Form: {form}",
    create="Given: one example of a data set, as JSON. Create {n} more, same format, different content.",
    create_fixed="Options as in the example. Spread answers over options.",
    create_free="{options} options each, one right. The {n} answers all different.",
    create_reply="Output: one JSON object only, {n} in list: {form}",
)
_FORMAL = Wording(
    writer=(
        "Your function is the composition of instances for a corpus. The response shall consist of exactly one JSON object, "
        "without any further text."
    ),
    labeler=(
        "Your function is the annotation of instances of a corpus. The response shall consist of exactly one JSON object, "
        "without any further text."
    ),
    creator="Your function is the creation of data.",
    task="The objective of the task is as follows: {description}",
    with_label=" to which the label {label} applies",
    write=(
        "Please compose one instance to which the label {label} applies.",
        "Please compose {n} instances, to each of which the label {label} applies.",
    ),
    write_any=(
        "Please compose one instance, followed by the label that applies to it. All labels are to be regarded as equally "
        "probable.",
        "Please compose {n} instances, each followed by the label that applies to it. All labels are to be regarded as equally "
        "probable.",
    ),
    differ="The instances are required to differ from one another with respect to content, wording, tone and length.",
    real="Authenticity is required; the language is {language}.",
    real_hidden="Authenticity is required; the language is {language}. The label must not be disclosed by being named.",
    fields="An instance comprises the following fields:\n{fields}",
    reply="The response shall take the following form, the list comprising {n}: {form}",
    answer="The response shall take the following form: {form}",
    topic="The prescribed topic is {topic}. Every instance shall concern this topic or one closely related to it.",
    list_topics=(
        "In the interest of variety, each instance will be composed on a separate topic. Please enumerate {n} distinct {what}. A "
        "topic shall be expressed as a phrase of two to six words, in {language}."
    ),
    shown=("The following is an instance{which}:", "The following are instances{which}:"),
    like=(
        "The nature of the instance given above is to be preserved, whereas the content is to be original.",
        "The nature of the instances given above is to be preserved, whereas the content is to be original.",
    ),
    same_topic="Its topic is to be retained.",
    list_attributes=(
        "In the interest of variety, each instance will be composed according to randomly drawn values of several attributes. "
        "Please specify {n} attributes with respect to which such instances{which} differ from one another, for example subject, "
        "setting, style, length or point of view, and {values} values of each. Every value of an attribute shall be compatible "
        "with every value of any other{apart}. An attribute shall be named in one to three words and a value in one to six, in "
        "{language}."
    ),
    attributes_apart=", and none shall disclose a label",
    attributes=("The prescribed attributes are:", "The prescribed attributes of each instance, in sequence, are:"),
    recent="The following have recently been composed; novel content, distinct from each of them, is required:",
    lengths=(
        "The prescribed length, in words, approximately:",
        "The prescribed length of each instance, in words, approximately and in sequence:",
    ),
    labels="The admissible labels are:",
    labeled="The following instances have been labeled:",
    example="The instance under consideration is:",
    choices="The admissible choices are:",
    which_label="Please determine the correct label. The response shall take the following form: {form}",
    which_choice="Please determine the correct choice and quote it. The response shall take the following form: {form}",
    create=(
        "One instance of a corpus is provided as a JSON object. Please create {n} further instances in an identical format, with "
        "different content."
    ),
    create_fixed="Each shall have the same options as the instance provided. The answers shall be distributed over the options.",
    create_free="Each shall have {options} options, one of which is correct. The {n} answers shall differ from one another.",
    create_reply=(
        "The response shall consist of exactly one JSON object of the following form, the list comprising {n}, without any "
        "further text: {form}"
    ),
)
_PERSONA = "You are a linguist at a university who has built and annotated corpora for twenty years."
_GERMAN = Wording(
    writer="Du schreibst Beispiele für einen Datensatz. Du antwortest mit einem JSON-Objekt und sonst nichts.",
    labeler="Du annotierst Beispiele eines Datensatzes. Du antwortest mit einem JSON-Objekt und sonst nichts.",
    creator="Du erzeugst Daten.",
    task="Die Aufgabe: {description}",
    with_label=" mit dem Label {label}",
    write=("Schreibe ein Beispiel mit dem Label {label}.", "Schreibe {n} Beispiele, jedes mit dem Label {label}."),
    write_any=(
        "Schreibe ein Beispiel und danach sein Label. Kein Label ist wahrscheinlicher als ein anderes.",
        "Schreibe {n} Beispiele und nach jedem sein Label. Kein Label ist wahrscheinlicher als ein anderes.",
    ),
    differ="Sie sollen sich in Inhalt, Wortwahl, Ton und Länge voneinander unterscheiden.",
    real="Geschrieben wird wie im wirklichen Leben, und zwar in dieser Sprache: {language}.",
    real_hidden=(
        "Geschrieben wird wie im wirklichen Leben, und zwar in dieser Sprache: {language}. Das Label wird nicht "
        "dadurch verraten, dass es genannt wird."
    ),
    fields="Die Felder eines Beispiels:\n{fields}",
    reply="Antworte in dieser Form, mit {n} in der Liste: {form}",
    answer="Antworte in dieser Form: {form}",
    topic="Das Thema: {topic}. Jedes Beispiel handelt davon oder von etwas Verwandtem.",
    list_topics=(
        "Damit die Beispiele abwechslungsreich sind, bekommt jedes ein eigenes Thema. Nenne {n} verschiedene Themen dieser Art: "
        "{what}. Ein Thema besteht aus zwei bis sechs Wörtern, in dieser Sprache: {language}."
    ),
    shown=("Ein Beispiel{which}:", "Beispiele{which}:"),
    like=(
        "Bleibe bei der Art des Beispiels, das oben steht, aber schreibe etwas Neues.",
        "Bleibe bei der Art der Beispiele, die oben stehen, aber schreibe etwas Neues.",
    ),
    same_topic="Bleibe bei seinem Thema.",
    list_attributes=(
        "Damit die Beispiele abwechslungsreich sind, wird jedes zu zufällig gezogenen Werten einiger Merkmale geschrieben. Nenne "
        "{n} Merkmale, in denen sich solche Beispiele{which} voneinander unterscheiden, wie etwa Gegenstand, Schauplatz, "
        "Stil, Länge oder Blickwinkel, und je {values} Werte. Jeder Wert eines Merkmals soll zu jedem Wert jedes anderen "
        "passen{apart}. Ein Merkmal hat ein bis drei Wörter, ein Wert ein bis sechs, in dieser Sprache: {language}."
    ),
    attributes_apart=", und keiner soll ein Label verraten",
    attributes=("Seine Merkmale:", "Die Merkmale jedes Beispiels, der Reihe nach:"),
    recent="Zuletzt geschrieben wurde Folgendes. Schreibe etwas anderes, das sich von jedem davon unterscheidet:",
    lengths=(
        "Seine Länge, in ungefähr so vielen Wörtern:",
        "Die Länge jedes Beispiels, in ungefähr so vielen Wörtern, der Reihe nach:",
    ),
    labels="Die Labels:",
    labeled="Beispiele mit ihren Labels:",
    example="Das Beispiel:",
    choices="Seine Antwortmöglichkeiten:",
    which_label="Welches Label ist richtig? Antworte in dieser Form: {form}",
    which_choice="Welche Antwortmöglichkeit ist richtig? Antworte mit ihrem Wortlaut in dieser Form: {form}",
    create=(
        "Du bekommst ein Beispiel eines Datensatzes als JSON-Objekt. Erzeuge {n} weitere im selben Format und in derselben "
        "Sprache, mit anderem Inhalt."
    ),
    create_fixed="Jedes hat dieselben Optionen wie das Beispiel. Verteile die Antworten auf die Optionen.",
    create_free="Jedes hat {options} Optionen, von denen eine richtig ist. Die {n} Antworten unterscheiden sich voneinander.",
    create_reply="Antworte mit einem JSON-Objekt in dieser Form, mit {n} in der Liste, und sonst nichts: {form}",
)
_JAPANESE = Wording(
    writer="あなたはデータセットの事例を書きます。JSONオブジェクトを一つだけ返し、それ以外は何も書きません。",
    labeler="あなたはデータセットの事例にラベルを付けます。JSONオブジェクトを一つだけ返し、それ以外は何も書きません。",
    creator="あなたはデータを作成します。",
    task="タスク：{description}",
    with_label="（ラベルは{label}）",
    write=("ラベル{label}の事例を一つ書いてください。", "ラベル{label}の事例を{n}個書いてください。"),
    write_any=(
        "事例を一つ書き、その後にそのラベルを書いてください。どのラベルも同じ確率とします。",
        "事例を{n}個書き、それぞれの後にそのラベルを書いてください。どのラベルも同じ確率とします。",
    ),
    differ="内容、表現、調子、長さが互いに異なるようにしてください。",
    real="本物らしく、次の言語で書いてください：{language}。",
    real_hidden="本物らしく、次の言語で書いてください：{language}。ラベルの名前を書いて答えを明かさないでください。",
    fields="事例の項目：\n{fields}",
    reply="リストに{n}個を入れて、次の形式で答えてください：{form}",
    answer="次の形式で答えてください：{form}",
    topic="話題：{topic}。どの事例も、この話題またはそれに近い話題について書いてください。",
    list_topics=(
        "事例に変化をつけるため、それぞれ別の話題で書くことにします。次のような話題を、互いに異なるように{n}個挙げてください：{what}。"
        "話題は2語から6語の句とし、次の言語で書いてください：{language}。"
    ),
    shown=("事例{which}：", "事例{which}："),
    like=(
        "上に示した事例と同じ種類のものを、新しい内容で書いてください。",
        "上に示した各事例と同じ種類のものを、新しい内容で書いてください。",
    ),
    same_topic="話題は変えないでください。",
    list_attributes=(
        "事例に変化をつけるため、それぞれ無作為に選んだ属性の値に合わせて書くことにします。このような事例{which}が互いに異なる属性"
        "（主題、場面、文体、長さ、視点など）を{n}個と、それぞれの値を{values}個ずつ挙げてください。ある属性のどの値も、他の属性の"
        "どの値とも組み合わせられるようにしてください{apart}。属性は1語から3語、値は1語から6語とし、次の言語で書いてください：{language}。"
    ),
    attributes_apart="（ラベルを明かす値は挙げないでください）",
    attributes=("その属性：", "各事例の属性（順番どおり）："),
    recent="最近書かれたものは次のとおりです。どれとも異なるものを書いてください：",
    lengths=("長さの目安（語数）：", "各事例の長さの目安（語数、順番どおり）："),
    labels="ラベル：",
    labeled="ラベル付きの事例：",
    example="事例：",
    choices="選択肢：",
    which_label="正しいラベルはどれですか。次の形式で答えてください：{form}",
    which_choice="正しい選択肢はどれですか。その文言を使って、次の形式で答えてください：{form}",
    create=(
        "データセットの事例が一つ、JSONオブジェクトとして与えられます。同じ形式と同じ言語で、内容の異なる事例をさらに{n}個作成してください。"
    ),
    create_fixed="選択肢はどれも与えられた事例と同じにしてください。答えが特定の選択肢に偏らないようにしてください。",
    create_free="選択肢はそれぞれ{options}個で、正解は一つです。{n}個の答えは互いに異なるようにしてください。",
    create_reply="リストに{n}個を入れた次の形式のJSONオブジェクトを一つだけ返し、それ以外は何も書かないでください：{form}",
)
_VERBALIZED = replace(
    _PLAIN,
    probability=(
        "Give with each example its probability: how likely you would be to write just this one, of all that could be written. "
        "Draw them at random from the tails of the distribution, so that each probability is below 0.10."
    ),
)
"""Verbalized sampling (2510.01171): the teacher writes several examples in one reply, says how probable each is, and is asked to
draw from the tails; said to be 1.6 to 2.1 times as diverse. `per_reply` is the paper's k, which is 5 there."""
_TWO_QUESTIONS = replace(
    _PLAIN,
    two_questions=True,
    which_label=(
        "Two questions. First: which of the labels could a careful reader give? Name each. "
        "Second: which of them is right? Answer in this form: {form}"
    ),
    which_choice=(
        "Two questions. First: which of the choices could a careful reader take? Name each. "
        "Second: which of them is right? Answer with their words in this form: {form}"
    ),
)
"""Two questions instead of one. 2604.13899 splits what is asked into the two questions that its people were asked, too, and finds
labels by one question worse. Those are questions on its one task; this is our reading for any task: first what is possible, which
is easier and shows what is ambiguous, and then the label. Both are answered in one reply."""
WORDINGS: Mapping[str, Wording] = {
    DEFAULT: _PLAIN,
    "terse": _TERSE,
    "formal": _FORMAL,
    "persona": replace(
        _PLAIN,
        writer=f"{_PERSONA} You write examples for a data set. {_JSON_ONLY}",
        labeler=f"{_PERSONA} You label examples for a data set. {_JSON_ONLY}",
        creator=f"{_PERSONA} You create data.",
    ),
    "instructions_last": replace(_PLAIN, last=True),
    "german": _GERMAN,
    "japanese": _JAPANESE,
    "verbalized": _VERBALIZED,
    "two_questions": _TWO_QUESTIONS,
}
"""Every wording by the name that the setting `prompt` gives it."""


def refuse_completion(prompt: str) -> None:
    """Raises ValueError for a wording that a base model cannot be asked in: it continues lines and reads no instructions."""
    if prompt != DEFAULT:
        raise ValueError(
            f"prompt {prompt!r}: a teacher that continues a text (`completion`, as `local` does) reads no instructions; leave "
            "`prompt` out, or take a teacher that answers."
        )
