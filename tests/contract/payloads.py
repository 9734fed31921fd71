"""What sessions look like where they are stored: JSON texts with a cookie object."""

import json

__all__ = ["NOT_JSON", "ODD", "large", "numbered"]

COOKIE = '"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}'


def numbered(number: int, **more: object) -> bytes:
    """Return a session's text that differs by a number."""
    data = json.dumps({"n": number, **more}, separators=(",", ":"), ensure_ascii=False)
    return f"{{{COOKIE},{data[1:]}".encode()


def large(size: int, filling: str = "x") -> bytes:
    """Return a session's text of a size in bytes; ``filling`` is an ASCII character of a JSON string."""
    head, tail = f'{{{COOKIE},"text":"', '"}'
    room = size - len(head) - len(tail)
    return f"{head}{filling * (room // len(filling))}{'.' * (room % len(filling))}{tail}".encode()


ODD = {
    "spaces": b'{ "cookie" : { } ,\n\t"a" : [ 1 , 2 ] }',
    "space around": b' \n{"cookie":{}}\r\n ',
    "order of keys": b'{"z":1,"cookie":{"path":"/","expires":null},"a":2,"10":3,"9":4}',
    "a key twice": b'{"cookie":{},"a":1,"a":2}',
    "letters": '{"cookie":{},"ключ":"héllo wörld, 漢字, עברית"}'.encode(),
    "combining": '{"cookie":{},"a":"e\u0301 \u00e9 \ufb01"}'.encode(),
    "emoji": '{"cookie":{},"a":"🧥🎟️ 👩\u200d👩\u200d👧"}'.encode(),
    "escapes": rb'{"cookie":{},"a":"\u00e9\u0000\ud83d\ude00\t\n\"\\\/\b\f\r"}',
    "lone surrogate": rb'{"cookie":{},"a":"\ud800","b":"\udfff\ud800"}',
    "line separators": '{"cookie":{},"a":"\u2028\u2029\ufeff\u0085"}'.encode(),
    "numbers": b'{"cookie":{},"a":1.0,"b":-0,"c":1E5,"d":1e400,"e":123456789012345678901234567890,"f":0.1}',
    "other statements": rb"""{"cookie":{},"a":"%s %(x)s :id ? ?? $1 {0} ' '' \" ` \\' \\ ; --"}""",
    "operators": b'{"cookie":{},"$set":{"a.b":1},"$literal":"$$NOW","a.b":"$session","":"","__proto__":{}}',
    "depth": b'{"cookie":{},"a":' + b"[" * 60 + b"]" * 60 + b"}",
    "empty things": b'{"cookie":{},"a":"","b":[],"c":{},"d":null,"e":false,"f":0}',
}
"""JSON texts that a store which reads them, or quotes them, may change."""

NOT_JSON = {
    "nothing": b"",
    "a word": b"text",
    "half": b'{"cookie":',
    "every byte": bytes(range(256)),
    "a zero byte": b'{"cookie":{}}\x00',
    "no UTF-8": b'{"cookie":{},"a":"\xff"}',
}
