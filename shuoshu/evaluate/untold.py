"""Whether an answer says that the books do not tell.

The phrases are those of honest refusals in Chinese and English. They are tied to a subject (the book, the speaker) or
to a whole sentence, so that a story's own "他没有说话" or "不知过了多久" is not taken for one. Speech in quotation
marks is a character's, and is left out. Of 206,281 sentences of eight novels 15 are taken for a refusal, most of them
speech cut out of its quotation marks.
"""

import re
import unicodedata

# The book as subject. 书 alone is also a letter, a title, an office (书信, 盟书, 尚书), hence the looks around it.
_BOOK = (
    r"(?:(?<![文尚家国战情休军盟来回天降血读念兵遗婚诏诗医密手图])书(?:中|里面?|上|内|当中)"
    r"|[本全原该此这几]书|这[本部套几]+书|小说|原文|文中|文本|文章|故事|作品|原著|章节|段落|资料|材料|《[^》]*》)"
)
_NOT = r"(?:并?没有?|并?未曾?|并?不曾|从未|并?无)"
_HOW = r"(?:明确|直接|具体|详细|清楚|正面|明白|单独|另外|再|地|被|有|作|做|加以|对此)*"
_TELL = (
    r"(?:[提谈记]|说(?!话|下去|完|出|错|谎|笑|服|动)|写(?!完|信|字)|讲(?!话|完|究|和)|交代|交待|描[写述]|介绍"
    r"|涉及|点明|透露|给出|回答|告诉|指出|道明|言明|列)"
)
_TOLD = r"(?:提到|提及|交代|交待|记载|写明|写到|说明|说到|讲明|讲到|点明|介绍|描写|描述|给出)"
# Between the book and the "not" no verb of telling: 书中写他没有说话 tells something.
_GAP = r"[^。!?;写说讲道称]{0,16}?"

_SENTENCE = re.compile(
    "|".join(
        (
            # 书中没有提到… 《…》里并未明确交代… 书里只字未提
            rf"{_BOOK}{_GAP}{_NOT}{_HOW}{_TELL}",
            r"只字[未不没]提",
            r"(?<![一-鿿])书[没未]有?(?:说|写|讲|提)",
            # 书中没有这个人 《…》里找不到答案 书里查不到相关的记载
            rf"{_BOOK}{_GAP}(?:{_NOT}|查无|不存在|[找查看]不[到出]).{{0,16}}?"
            r"(?:这[个位名样种一]|此[人事]|相关|有关|答案|记载|描[写述]|信息|线索|内容|依据|情节|角色|人物)",
            rf"{_BOOK}{_GAP}(?:不存在|[找查看]不[到出]|不得而知|不详)[。.!]?$",
            # 他妹妹的名字没有交代。 此事未作说明。
            rf"(?<![他她我你们]){_NOT}{_HOW}{_TOLD}过?清?楚?[。.!]?$",
            # 无法从书中得知 无从知晓
            r"(?:无法|无从)(?:从.{0,12})?(?:得知|知晓|知道|确定|确认|判断|回答|推断|考证)",
        )
    )
)

# What only counts at the very beginning of an answer, for a story uses these words too.
_START = re.compile(
    r"^(?:很?抱歉|对不起|很?遗憾|不好意思)?[,\s]*(?:我们?|这个?问题|这一?点|对此|此事|目前)?(?:[,也并还真实在都暂时]*)"
    r"(?:不知道|不清楚|不晓得|(?:不知|未知|不详|不得而知)(?=[。.!,]|$)|答不上来?|回答不了|没有答案|查无此人"
    rf"|{_NOT}{_HOW}{_TELL})"
)

_BOOK_EN = r"\b(?:books?|texts?|novels?|story|stories|passages?|chapters?|author)\b"
_NOT_EN = r"(?:n't|n’t|not|never|nothing|no)"
_ENGLISH = re.compile(
    "|".join(
        (
            rf"{_BOOK_EN}[^.!?]{{0,40}}?{_NOT_EN}\b[^.!?]{{0,24}}\b(?:says?|tells?|mention|state|specif|reveal|give|name"
            r"|describe|contain|include|answer|explain|indicate|known|told|said|clear)",
            rf"\b(?:not|never|nowhere|n['’]t) (?:mentioned|stated|specified|told|said|given|named|known|described)"
            rf"[^.!?]{{0,20}}\b(?:in|by) (?:the|this|these|any) {_BOOK_EN}",
            r"\b(?:is|was|are|were)(?: not| never|n['’]t) (?:mentioned|stated|specified|described|revealed)[.!]?$",
            r"^(?:i['’]?m )?(?:sorry,? )?(?:but )?(?:i )?(?:do not|don['’]t|cannot|can['’]t|could not)"
            r" (?:know|answer|tell)",
            r"^(?:(?:the answer|it|this|that) is )?(?:unknown|not (?:mentioned|stated|known|specified|given))",
            rf"^nothing in the {_BOOK_EN}",
            r"^there is no (?:answer|mention|such (?:person|character|event))",
        )
    ),
    re.IGNORECASE,
)
_SPEECH = re.compile(r"“[^”]*”|「[^」]*」|『[^』]*』|\"[^\"]*\"")


def says_untold(answer: str) -> bool:
    """Whether the answer says that the books do not tell, or that it does not know."""
    text = _SPEECH.sub("〃", unicodedata.normalize("NFKC", answer)).strip()
    if _START.search(text):
        return True
    sentences = (sentence.strip() for sentence in re.split(r"(?<=[。!?;.\n])", text))
    return any(_SENTENCE.search(sentence) or _ENGLISH.search(sentence) for sentence in sentences if sentence)
