//! What models write, and what is made of it.

use super::{Nothing, Request, prose, request};

fn run(code: &str) -> Request {
    Request::Run(code.to_owned())
}

#[test]
fn what_a_model_plainly_means_is_run() {
    let one = [
        // CommonMark.
        ("marked", "Look.\n```python\nprint(1)\n```\nDone."),
        ("unmarked", "```\nprint(1)\n```"),
        ("unclosed", "```python\nprint(1)"),
        ("tildes", "~~~python\nprint(1)\n~~~"),
        ("closed by a longer fence", "```python\nprint(1)\n`````"),
        ("carriage returns", "Go.\r\n```python\r\nprint(1)\r\n```\r\n"),
        ("another language", "```json\n{}\n```\n```python\nprint(1)\n```"),
        // Before the fence.
        ("a label", "Code: ```python\nprint(1)\n```"),
        ("a label, then prose", "Code: ```python\nprint(1)\n```\nNow I wait for the result."),
        ("a label before a bare fence", "Here is the code: ```\nprint(1)\n```"),
        ("a bold label", "**Code:** ```py\nprint(1)\n```"),
        ("a sentence", "I list the items first ```python\nprint(1)\n```"),
        ("a byte-order mark", "\u{feff}```python\nprint(1)\n```"),
        ("a zero-width space", "\u{200b}```python\nprint(1)\n\u{200b}```"),
        ("a list's bullet", "- ```python\n  print(1)\n  ```"),
        ("a list's number", "1. ```python\n   print(1)\n   ```"),
        ("a list's item", "1. First:\n\n    ```python\n    print(1)\n    ```\n2. Then."),
        ("a tab", "\t```python\n\tprint(1)\n\t```"),
        ("a quote", "> Look:\n> ```python\n> print(1)\n> ```\n> So."),
        ("a tag", "<code>```python\nprint(1)\n```</code>"),
        // The language.
        ("py3", "```py3\nprint(1)\n```"),
        ("ipython", "```ipython\nprint(1)\n```"),
        ("tool_code", "```tool_code\nprint(1)\n```"),
        ("a version", "```python3.11\nprint(1)\n```"),
        ("code", "```code\nprint(1)\n```"),
        ("repl", "```repl\nprint(1)\n```"),
        ("capital", "``` Python \nprint(1)\n```"),
        ("attributes", "```python title=\"a\"\nprint(1)\n```"),
        // The closing fence.
        ("on the code's line", "```python\nprint(1)```"),
        ("on the code's line, then prose", "```python\nprint(1)```\nNow I wait."),
        ("words after it", "```python\nprint(1)\n``` This prints one."),
        ("a tag after it", "```python\nprint(1)\n```<end_code>"),
        ("a token after it", "```python\nprint(1)\n```<|im_end|>"),
        ("a token in its place", "```python\nprint(1)\n<end_code>"),
        ("indented", "```python\nprint(1)\n      ```\nThat was it."),
        ("after a tab", "```python\nprint(1)\n\t```"),
        // The whole block.
        ("indented", "```python\n    print(1)\n```"),
        ("on one line", "```python print(1)```"),
        ("on one line after a label", "Code: ```py print(1)```"),
        ("on one line without a language", "```print(1)```"),
        ("execute", "I look.\n<execute>\nprint(1)\n</execute>\nThen I see."),
        ("execute on one line", "<execute>print(1)</execute>"),
        ("code tags", "<code>\nprint(1)\n</code>"),
        ("a fence in a tag", "<execute>\n```python\nprint(1)\n```\n</execute>"),
        ("a session", "```pycon\n>>> print(1)\n1\n```"),
        ("an unmarked session", "```\n>>> print(1)\n1\n```"),
        ("a Markdown wrapper", "```markdown\nFirst:\n```python\nprint(1)\n```\nThen.\n```"),
        ("a stray fence before it", "I look.\n```\n\n```python\nprint(1)\n```"),
        ("a stray fence after it", "```python\nprint(1)\n```\nI wait.\n```"),
        ("an empty block beside it", "```python\n```\n```python\nprint(1)\n```"),
        // Thoughts.
        (
            "a draft",
            "<think>Perhaps\n```python\nfinish()\n```\nbut first look.</think>\n```python\nprint(1)\n```",
        ),
        ("thoughts opened in the prompt", "```python\nfinish()\n```\n</think>\n\n```python\nprint(1)\n```"),
        // What is beside it.
        ("expected output", "```python\nprint(1)\n```\nThis should print:\n```\n1\n```"),
        ("a quoted traceback", "I got\n```\nNameError: name 'x'\n```\nso\n```python\nprint(1)\n```"),
        ("a table", "```text\na b\n```\n```\nprint(1)\n```"),
    ];
    for (name, reply) in one {
        assert_eq!(request(reply), run("print(1)"), "{name}: {reply}");
    }
}

#[test]
fn code_is_taken_as_it_stands() {
    let cases = [
        ("```python\nif x:\n    y\n\n```", "if x:\n    y\n"),
        ("  ```python\n  if x:\n      y\n  ```", "if x:\n    y"),
        ("> ```python\n> if x:\n>     y\n>\n> z\n> ```", "if x:\n    y\n\nz"),
        ("```pycon\n>>> for x in a:\n...     print(x)\n...\n1\n>>> y\n```", "for x in a:\n    print(x)\n\ny"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''"),
        ("```python\ns = '```'\n```", "s = '```'"),
        ("```python\ns = \"\"\"```\nx\"\"\"\n```", "s = \"\"\"```\nx\"\"\""),
        ("~~~\nx = 1\n```\n~~~", "x = 1\n```"),
        ("```python\nprint('<think>')\n```", "print('<think>')"),
        ("```python\nx = '\u{200b}'\n```", "x = '\u{200b}'"),
    ];
    for (reply, code) in cases {
        assert_eq!(request(reply), run(code), "{reply}");
    }
}

#[test]
fn several_blocks_are_several() {
    let cases = [
        "```python\na = 1\n```\nand\n```python\nb = 2\n```",
        "```\na = 1\n```\nand\n```\nb = 2\n```",
        "```python\na = 1\n```python\nb = 2\n```",
        "<execute>a = 1</execute>\n<execute>b = 2</execute>",
    ];
    for reply in cases {
        assert_eq!(request(reply), Request::Several(vec!["a = 1".to_owned(), "b = 2".to_owned()]), "{reply}");
    }
}

#[test]
fn where_there_is_nothing_to_run_the_reason_is_told() {
    let cases = [
        ("", Nothing::NoBlock),
        ("Just words.", Nothing::NoBlock),
        ("I call finish() now.", Nothing::NoBlock),
        ("Use `x` and ```y``` here.", Nothing::NoBlock),
        ("```y``` is short.", Nothing::NoBlock),
        ("```python\n```", Nothing::NoBlock),
        ("```python", Nothing::NoBlock),
        ("```pythonic\na\n```", Nothing::NoBlock),
        ("I am done now.\n```\nNow I wait for the result.", Nothing::NoBlock),
        ("I am done now.```", Nothing::NoBlock),
        (
            "<think>\nmaybe\n```python\nfinish()\n```\n</think>\nI need more information first.",
            Nothing::NoBlock,
        ),
        ("<think>\n```python\nfinish()\n```\n", Nothing::NoBlock),
        ("<code>x</code> is a name.", Nothing::NoBlock),
        ("```json\n{\"a\": 1}\n```", Nothing::NoBlock),
        ("```\n{\"name\": \"list_items\", \"arguments\": {}}\n```", Nothing::ToolCall),
        ("```json\n{\"tool\": \"inspect\", \"args\": [\"item_1\"]}\n```", Nothing::ToolCall),
        ("<tool_call>\n{\"name\": \"finish\", \"arguments\": {}}\n</tool_call>", Nothing::ToolCall),
        ("[{\"name\": \"finish\", \"parameters\": {}}]", Nothing::ToolCall),
        ("{\"output\": \"12\\n\"}", Nothing::Observation),
        (
            "```\n{\"success\": true, \"result\": null, \"output\": \"\", \"error\": null}\n```",
            Nothing::Observation,
        ),
    ];
    for (reply, reason) in cases {
        assert_eq!(request(reply), Request::Nothing(reason), "{reply}");
    }
}

#[test]
fn prose_is_what_stands_around_the_code() {
    let cases = [
        ("Go.\n\n```python\nx = 1\n```\nSo.", "Go.\nSo."),
        ("```python\nx = 1\n```", ""),
        ("Just words.", "Just words."),
        ("First x = 1, then more.\n\n```python\nx = 1\n```", "First x = 1, then more."),
        ("I call finish() now.\n```py\nfinish()", "I call finish() now."),
        ("Data:\n```json\n{}\n```\n~~~\nx = 1\n~~~", "Data:\n```json\n{}\n```"),
        ("```python\nx\n```\nThis prints:\n```\n1\n```", "This prints:\n```\n1\n```"),
    ];
    for (reply, expected) in cases {
        assert_eq!(prose(reply), expected, "{reply}");
    }
}
