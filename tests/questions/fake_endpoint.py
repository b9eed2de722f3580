"""A local server that speaks the OpenAI chat API over real HTTP, answers by script and fails on order.

    python tests/questions/fake_endpoint.py --port 8099 --faults 0.2 --latency 0.2

Answers depend on the prompt alone, faults on the prompt and on how often it was asked, so that two clients, or one that
is killed and started again, get the same in the end. `GET /counts` tells what was served, by request name (the
Idempotency-Key of the client): `paid` is an answer sent whole into an open connection, `abandoned` a request whose
client was gone before its answer was ready. Asked again for a name whose answer was paid, a server that honours such
keys sends the stored answer without charging; so does this one, and counts it as `replayed`: an answer that was lost on
the wire.
"""

import argparse
import asyncio
import hashlib
import json
import re
from collections import Counter

FAULTS = ("429 after", "429", "500", "hang", "cut", "truncated", "prose", "empty", "numbering", "html")


class FakeEndpoint:
    """The server; `await start()`, then `base_url`."""

    def __init__(
        self,
        faults: float = 0.0,
        latency: float = 0.0,
        kinds: tuple[str, ...] = FAULTS,
        takes: tuple[str, ...] = ("json_schema", "json_object", "max_tokens", "temperature"),
        key: str = "",
        hang: float = 30.0,
        at_once: int = 10_000,
        refuses: int = 400,
        oops: str = "oops",
    ) -> None:
        self.faults, self.latency, self.kinds, self.takes = faults, latency, kinds, takes
        self.key, self.hang, self.refuses, self.oops = key, hang, refuses, oops
        self._places = asyncio.Semaphore(at_once)
        self.paid: Counter[str] = Counter()
        self.replayed: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.given: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.prompts: list[str] = []
        self.in_flight = self.most_in_flight = self.abandoned = 0
        self.headers: dict[str, str] = {}

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=2**22)
        self.port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self) -> None:
        """Close the port and every connection, hanging ones too."""
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    if not await self._reply(lines[0], headers, body, reader, writer):
                        break
                finally:
                    self.in_flight -= 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(
        self,
        line: str,
        headers: dict[str, str],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer one request; False where the connection ends with it."""
        if line.startswith("GET"):
            counts = {
                "paid": sum(self.paid.values()),
                "paid_twice": sum(count > 1 for count in self.paid.values()),
                "replayed": sum(self.replayed.values()),
                "abandoned": self.abandoned,
                "requests": sum(self.seen.values()),
                "faults": dict(self.given),
                "most_in_flight": self.most_in_flight,
            }
            return await self._send(writer, 200, counts)
        self.headers = headers
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            message = f"Incorrect API key provided: {headers.get('authorization')}"
            return await self._send(writer, 401, {"error": {"message": message}})
        request = json.loads(body)
        if message := self._refusal(request):
            return await self._send(writer, self.refuses, {"error": {"message": message}})
        prompt = request["messages"][0]["content"]
        self.prompts.append(prompt)
        self.formats[request.get("response_format", {}).get("type", "")] += 1
        name = headers.get("idempotency-key", "")
        if self.paid[name] and name:
            self.replayed[name] += 1
            return await self._send(writer, 200, completion(prompt, answer(prompt)))
        fault = self._fault(prompt)
        async with self._places:
            await asyncio.sleep(self.latency)
        if reader.at_eof():
            self.abandoned += 1
            return False
        if fault in ("429", "429 after"):
            extra = {"retry-after": "0.1"} if fault == "429 after" else {}
            return await self._send(writer, 429, {"error": {"message": "slow down"}}, extra)
        if fault == "500":
            return await self._send(writer, 500, {"error": {"message": f"{self.oops}, your key is {self.key}"}})
        if fault == "hang":
            await asyncio.sleep(self.hang)
            return False
        text = spoil(answer(prompt), fault)
        value = completion(prompt, text)
        if fault == "cut":
            data = json.dumps(value).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
            writer.write(data[: len(data) // 2])
            await writer.drain()
            return False
        if fault == "html":
            return await self._send(writer, 200, "<html>proxy</html>", {"content-type": "text/html"})
        sent = await self._send(writer, 200, value)
        self.paid[name] += 1
        return sent

    def _refusal(self, request: dict) -> str:
        """Why a server that takes only some of OpenAI's parameters refuses a request."""
        kind = request.get("response_format", {}).get("type", "json_schema")
        if "response_format" in request and kind not in self.takes:
            return f"This response_format type is unavailable: {kind}"
        if "max_tokens" in request and "max_tokens" not in self.takes:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if "temperature" in request and "temperature" not in self.takes:
            return "Unsupported value: 'temperature' does not support 0.7 with this model."
        return ""

    def _fault(self, prompt: str) -> str:
        """The fault of this request: on the first asking of a share of the prompts, by their hash."""
        number = int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16)
        self.seen[prompt] += 1
        # Of n prompts a share s / (1 - s) fails once, so that s of all requests fail.
        if self.seen[prompt] > 1 or number % 10_000 >= 10_000 * self.faults / (1 - self.faults):
            return ""
        fault = self.kinds[number // 10_000 % len(self.kinds)]
        self.given[fault] += 1
        return fault

    async def _send(self, writer: asyncio.StreamWriter, status: int, value: object, extra: dict | None = None) -> bool:
        data = value.encode() if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "content-length": str(len(data)), **(extra or {})}
        head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data)
        await writer.drain()
        return True


def completion(prompt: str, text: str) -> dict:
    """The body of a chat completion; every character counts as a token."""
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {
            "prompt_tokens": len(prompt),
            "completion_tokens": len(text),
            "total_tokens": len(prompt) + len(text),
        },
    }


def answer(prompt: str) -> str:
    """What a good model would say: pairs out of the passage's own sentences, lines by number, wordings by rote."""
    passage = prompt.partition("【原文】\n")[2].partition("\n【原文完】")[0]
    sentences = re.findall(r"[\w，]{8,56}\w{4}(?=[。！？])", passage)
    if match := re.search(r"提出 (\d+) 个问题", prompt):
        return "\n".join(f"{i}. [情节] 第{i}件要紧的事发生在哪里？" for i in range(1, int(match[1]) + 1))
    if '"pairs"' in prompt:
        count = int(re.search(r"写出 (\d+) 组", prompt)[1])  # type: ignore[index]
        return json.dumps({"pairs": [pair(sentence) for sentence in sentences[:count]]}, ensure_ascii=False)
    if '"reverse"' in prompt:
        asked = re.search(r"问题：(.+)", prompt)[1]  # type: ignore[index]
        key = re.search(r"关键词：([^、\n]+)", prompt)[1]  # type: ignore[index]
        mark = hashlib.sha256(asked.encode()).hexdigest()[:6]
        questions = [f"换个说法{word}，{asked}" for word in ("问问", "说说", mark)]
        value = {"questions": questions, "answers": [f"答案就是{key}。"], "reverse": []}
        return json.dumps(value, ensure_ascii=False)
    if '"kind"' in prompt:
        mark = hashlib.sha256(prompt.encode()).hexdigest()[:6]
        asked = [{"kind": "absent", "about": f"甲{mark}", "question": f"甲{mark}的师父是谁？"}]
        return json.dumps({"questions": asked}, ensure_ascii=False)
    if '"answer"' in prompt:
        unknown = {"answer": "不知道", "key": [], "evidence": ""}
        # 甲0a1b2c is somebody made up for the unanswerable questions above.
        one = pair(sentences[0]) if sentences and not re.search("问题：甲[0-9a-f]{6}的", prompt) else unknown
        return json.dumps({name: one[name] for name in ("answer", "key", "evidence")}, ensure_ascii=False)
    return f"{passage[:200]}。"


def pair(sentence: str) -> dict:
    """A pair that holds: the end of a sentence asked for by its beginning."""
    key = sentence[-4:]
    asked = sentence[:-4].strip("，、：")
    return {
        "type": "情节",
        "question": f"“{asked}”后面是哪几个字？",
        "answer": f"后面是“{key}”。",
        "key": [key],
        "evidence": sentence,
    }


def spoil(text: str, fault: str) -> str:
    """The answer as a bad model gives it."""
    if fault == "truncated":
        return text[: len(text) * 2 // 3].rstrip('。！？…”’」』）!?.")')
    if fault == "prose":
        return f"好的，以下是结果：\n```json\n{text}\n```\n希望对你有帮助！"
    if fault == "empty":
        return ""
    return text.replace("\n2. ", "\n7. ").replace('"pairs": [', '"pairs": ["') if fault == "numbering" else text


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--hang", type=float, default=30.0)
    parser.add_argument("--at-once", type=int, default=10_000)
    options = parser.parse_args()
    endpoint = FakeEndpoint(options.faults, options.latency, hang=options.hang, at_once=options.at_once)
    await endpoint.start(options.port)
    print(endpoint.base_url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
