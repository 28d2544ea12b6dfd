"""The fastest MCP server there is: it answers every line of 200 bytes with one of 200 bytes.

python answering.py
"""

import os

ID = slice(22, 31)
"""Where a question of `ask` has its id."""
END = b',"result":{"content":[{"type":"text","text":"'
REST = b'"}]}}\n'
SIZE = 200


def ask(number):
    """Make the question with this number, 200 bytes long."""
    head = f'{{"jsonrpc":"2.0","id":"{number:07}","method":"tools/call","params":'
    tail = '{"name":"search","arguments":{"text":""}}}\n'
    padding = "x" * (SIZE - len(head) - len(tail))
    return (head + tail.replace('""', f'"{padding}"')).encode()


def answer(question):
    """Make the answer to a question, 200 bytes long."""
    head = b'{"jsonrpc":"2.0","id":' + question[ID] + END
    return head + b"y" * (SIZE - len(head) - len(REST)) + REST


def main():
    while chunk := os.read(0, 65_536):
        for begin in range(0, len(chunk), SIZE):
            os.write(1, answer(chunk[begin : begin + SIZE]))


if __name__ == "__main__":
    main()
