//! What models write, and what is made of it.

use super::{Nothing, Request, holds_whole_block, prose, request};

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
        ("another tag", "<action>```python\nprint(1)\n```\n</action>"),
        ("a bullet after a tab", "-\t```python\n\tprint(1)\n\t```"),
        ("a list in a list", "1. A\n   - B:\n       ```python\n       print(1)\n       ```"),
        ("four spaces deeper than its item", "1. Run:\n    ```python\n    print(1)\n    ```"),
        ("a quote on the first line only", "> ```python\nprint(1)\n```"),
        ("a quote that ends without a fence", "> ```python\n> print(1)\n\nNow I wait."),
        ("a sentence and a bare fence", "I print it now ```\nprint(1)\n```\nDone."),
        ("inline code, then a fence", "I use `print` here: ```python\nprint(1)\n```"),
        ("a word in backticks, then a fence", "With ```print```: ```python\nprint(1)\n```"),
        ("a heading", "### Code ```python\nprint(1)\n```"),
        ("a template's role", "<|im_start|>assistant\n```python\nprint(1)\n```"),
        ("a stray end of turn", "<|im_end|>\n```python\nprint(1)\n```"),
        ("carriage returns and a label", "Code: ```python\r\nprint(1)\r\n```\r\nSo.\r\n"),
        // The language.
        ("py3", "```py3\nprint(1)\n```"),
        ("ipython", "```ipython\nprint(1)\n```"),
        ("tool_code", "```tool_code\nprint(1)\n```"),
        ("a version", "```python3.11\nprint(1)\n```"),
        ("code", "```code\nprint(1)\n```"),
        ("repl", "```repl\nprint(1)\n```"),
        ("capital", "``` Python \nprint(1)\n```"),
        ("attributes", "```python title=\"a\"\nprint(1)\n```"),
        ("a version with a space", "```python 3\nprint(1)\n```"),
        ("a name of its own", "```python_code\nprint(1)\n```"),
        ("a file", "```python:main.py\nprint(1)\n```"),
        ("a class", "```{.python}\nprint(1)\n```"),
        ("a prefix", "```language-python\nprint(1)\n```"),
        ("python3.12", "```python3.12\nprint(1)\n```"),
        // The closing fence.
        ("on the code's line", "```python\nprint(1)```"),
        ("on the code's line, then prose", "```python\nprint(1)```\nNow I wait."),
        ("words after it", "```python\nprint(1)\n``` This prints one."),
        ("a tag after it", "```python\nprint(1)\n```<end_code>"),
        ("a token after it", "```python\nprint(1)\n```<|im_end|>"),
        ("a token in its place", "```python\nprint(1)\n<end_code>"),
        ("indented", "```python\nprint(1)\n      ```\nThat was it."),
        ("on the code's line, then a result", "```python\nprint(1)```\nThis prints:\n```\n1\n```"),
        ("on the code's line, then words", "```python\nprint(1)``` This prints one.\nI wait."),
        ("on the code's line, then a token", "```python\nprint(1)```<|im_end|>"),
        ("words right after it", "```python\nprint(1)\n```This prints one.\nI wait."),
        ("one word after it", "```python\nprint(1)\n```Done"),
        ("a sentence on Python after it", "```python\nprint(1)\n``` Python prints one."),
        ("its language again", "```python\nprint(1)\n```python"),
        ("stars after it", "**```python\nprint(1)\n```**"),
        ("a tag in its place", "```python\nprint(1)\n</code>"),
        ("a fence in a tag's place", "<execute>\nprint(1)\n```\nI wait."),
        ("another tag in a tag's place", "<execute>\nprint(1)\n</code>"),
        ("of the other character", "```python\nprint(1)\n~~~"),
        ("of the other character, too", "~~~python\nprint(1)\n```\nI wait."),
        ("words after tildes", "~~~python\nprint(1)\n~~~ This prints one."),
        ("too short", "```python\nprint(1)\n``"),
        ("two of them", "```python\nprint(1)\n```\n```"),
        ("two on a line", "```python\nprint(1)\n``` ```"),
        ("after a tab", "```python\nprint(1)\n\t```"),
        // The whole block.
        ("indented", "```python\n    print(1)\n```"),
        ("on one line", "```python print(1)```"),
        ("on one line after a label", "Code: ```py print(1)```"),
        ("on one line without a language", "```print(1)```"),
        ("on one line with spaces", "``` python print(1) ```"),
        ("on one line, then words", "```python print(1)``` prints one."),
        ("on one line, then a token", "Code: ```python print(1)```<|im_end|>"),
        ("on the fence's line", "```python print(1)\n```"),
        ("on the fence's line without a language", "```print(1)\n```"),
        ("in a sentence's tag", "I look: <execute>print(1)</execute>"),
        ("in a tag after words", "Let me see. <execute>\nprint(1)\n</execute>"),
        ("in a tag with attributes", "<execute language=\"python\">\nprint(1)\n</execute>"),
        ("in capitals", "[PYTHON]\nprint(1)\n[/PYTHON]"),
        ("in a Python tag", "<python>print(1)</python>"),
        ("after a Python token", "<|python_tag|>print(1)<|eom_id|>"),
        ("a tool call that is Python", "<tool_call>\nprint(1)\n</tool_call>"),
        ("an unclosed tag", "<execute>\nprint(1)"),
        ("a tag with a label in it", "<execute>\n\n```\nprint(1)\n```\n</execute>"),
        ("an IPython session", "```ipython\nIn [1]: print(1)\n1\n```"),
        ("harmony", "<|channel|>final<|message|>```python\nprint(1)\n```<|return|>"),
        (
            "harmony with thoughts",
            "<|channel|>analysis<|message|>Perhaps\n```python\nfinish()\n```<|end|><|start|>assistant\
             <|channel|>final<|message|>First:\n```python\nprint(1)\n```",
        ),
        ("harmony's Python", "<|channel|>commentary to=python code<|message|>print(1)<|call|>"),
        ("harmony without its tokens", "analysisI may finish().assistantfinal```python\nprint(1)\n```"),
        ("execute", "I look.\n<execute>\nprint(1)\n</execute>\nThen I see."),
        ("execute on one line", "<execute>print(1)</execute>"),
        ("code tags", "<code>\nprint(1)\n</code>"),
        ("a fence in a tag", "<execute>\n```python\nprint(1)\n```\n</execute>"),
        ("a session", "```pycon\n>>> print(1)\n1\n```"),
        ("an unmarked session", "```\n>>> print(1)\n1\n```"),
        ("short fences", "`python\nprint(1)\n`"),
        ("a Markdown wrapper", "```markdown\nFirst:\n```python\nprint(1)\n```\nThen.\n```"),
        ("a stray fence before it", "I look.\n```\n\n```python\nprint(1)\n```"),
        ("a stray fence after it", "```python\nprint(1)\n```\nI wait.\n```"),
        ("an empty block beside it", "```python\n```\n```python\nprint(1)\n```"),
        ("an empty block after it", "```python\nprint(1)\n```\n```python\n\n```"),
        ("a Markdown wrapper of four", "````markdown\nFirst:\n```python\nprint(1)\n```\n````"),
        ("a bare wrapper", "```\nFirst:\n```python\nprint(1)\n```\n```"),
        ("a fence twice", "```python\n```python\nprint(1)\n```\n```"),
        ("a stray fence after a sentence", "I look.```\nThen:\n```python\nprint(1)\n```"),
        ("a stray fence on a label's line", "First: ```\n```python\nprint(1)\n```"),
        // Thoughts.
        (
            "a draft",
            "<think>Perhaps\n```python\nfinish()\n```\nbut first look.</think>\n```python\nprint(1)\n```",
        ),
        ("thoughts opened in the prompt", "```python\nfinish()\n```\n</think>\n\n```python\nprint(1)\n```"),
        ("short thoughts on one line", "<think>ok</think>```python\nprint(1)\n```"),
        (
            "thoughts after words",
            "Well.\n<think>\n```python\nfinish()\n```\n</think>\n```python\nprint(1)\n```",
        ),
        ("thoughts in a sentence", "Well <think>```python\nfinish()\n```</think>\n```python\nprint(1)\n```"),
        ("thoughts after the code", "```python\nprint(1)\n```\n<think>Then\n```python\nfinish()\n```"),
        ("an unclosed draft", "<think>\n```python\nfinish()\n</think>\n```python\nprint(1)\n```"),
        ("an unclosed draft from the prompt", "So\n```python\nfinish()\n</think>\n```python\nprint(1)\n```"),
        ("other marks of thoughts", "[THINK]\n```python\nfinish()\n```\n[/THINK]\n```python\nprint(1)\n```"),
        ("capital marks of thoughts", "<Thinking>finish()</Thinking>\n```python\nprint(1)\n```"),
        ("empty thoughts", "<think>\n\n</think>\n\n```python\nprint(1)\n```"),
        (
            "thoughts that end in a line",
            "```python\nfinish()\n```\nNo.</think>I look.\n```python\nprint(1)\n```",
        ),
        ("a word on thoughts", "I do not use `<think>` here.\n```python\nprint(1)\n```\nNor </think> here."),
        // What is beside it.
        ("expected output in a bare block after a bare block", "```\nprint(1)\n```\nIt prints:\n```\n1\n```"),
        ("expected data before it", "The ids are\n```\n[\"a\"]\n```\n```\nprint(1)\n```"),
        ("a made-up observation", "```python\nprint(1)\n```\n{\"success\": true, \"output\": \"1\\n\"}"),
        (
            "a made-up observation in a block",
            "```python\nprint(1)\n```\n```json\n{\"output\": \"1\\n\"}\n```",
        ),
        (
            "a made-up turn",
            "```python\nprint(1)\n```<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n\
             ```python\nfinish()\n```",
        ),
        ("a made-up user", "```python\nprint(1)\n```\n<|im_start|>user\n{}\n```python\nfinish()\n```"),
        (
            "a quoted traceback after it",
            "```python\nprint(1)\n```\nnot\n```\nTraceback (most recent call last):\n```",
        ),
        ("a shell's block", "```bash\npip install x\n```\n```python\nprint(1)\n```"),
        ("a tag in a sentence", "I use <python> tags.\n```python\nprint(1)\n```"),
        ("HTML in a sentence", "The <code>id</code> is new.\n```python\nprint(1)\n```"),
        ("expected output", "```python\nprint(1)\n```\nThis should print:\n```\n1\n```"),
        ("a quoted traceback", "I got\n```\nNameError: name 'x'\n```\nso\n```python\nprint(1)\n```"),
        ("a table", "```text\na b\n```\n```\nprint(1)\n```"),
    ];
    let wrong: Vec<_> = one.iter().filter(|(_, reply)| request(reply) != run("print(1)")).collect();
    assert!(
        wrong.is_empty(),
        "{:#?}",
        wrong.iter().map(|(name, reply)| (name, request(reply))).collect::<Vec<_>>()
    );
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
        ("~~~\nx = '''\n```\n'''\n~~~", "x = '''\n```\n'''"),
        ("```python\nprint('<think>')\n```", "print('<think>')"),
        ("```python\nprint('</think>')\n```", "print('</think>')"),
        ("```python\ns = '''\n<think>\n</think>\n'''\n```", "s = '''\n<think>\n</think>\n'''"),
        (
            "```python\ns = '''\n```json\n{}\n```\n'''\nprint(s)\n```\nSo.",
            "s = '''\n```json\n{}\n```\n'''\nprint(s)",
        ),
        ("```python\ns = \"\"\"\n```python\nx\n```\"\"\"\n```", "s = \"\"\"\n```python\nx\n```\"\"\""),
        ("<execute>\ns = '''\n</execute>\n'''\n</execute>", "s = '''\n</execute>\n'''"),
        ("```python\n# see ```x```\ny\n```", "# see ```x```\ny"),
        ("```python\ny  # that's all```", "y  # that's all"),
        ("```python\ns = '''open\n```\nNow I wait.", "s = '''open"),
        ("~~~python\ns = '''open\n~~~\nNow I wait.", "s = '''open"),
        ("```python\nprint('<|im_end|>')\n```", "print('<|im_end|>')"),
        ("- ```python\n  if x:\n      y\n\n  z\n  ```", "if x:\n    y\n\nz"),
        ("```python\n\tif x:\n\t\ty\n```", "if x:\n\ty"),
        ("```python\n    s = '''\n  a\n'''\n```", "s = '''\n  a\n'''"),
        ("```python\nx = {'a': 1}\nx\n```", "x = {'a': 1}\nx"),
        ("```python\n{'a': 1}\n```", "{'a': 1}"),
        ("```python\n[1, 2]\n```", "[1, 2]"),
        ("```\nx\n```", "x"),
        ("```python\nx = '\u{200b}'\n```", "x = '\u{200b}'"),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(reply, code)| request(reply) != run(code)).collect();
    assert!(
        wrong.is_empty(),
        "{:#?}",
        wrong.iter().map(|(reply, _)| (reply, request(reply))).collect::<Vec<_>>()
    );
}

#[test]
fn several_blocks_are_several() {
    let cases = [
        "```python\na = 1\n```\nand\n```python\nb = 2\n```",
        "```\na = 1\n```\nand\n```\nb = 2\n```",
        "```python\na = 1\n```python\nb = 2\n```",
        "<execute>a = 1</execute>\n<execute>b = 2</execute>",
        "```python\na = 1\n```\nObservation: {}\n\n```python\nb = 2\n```",
        "```python a = 1```\n```python b = 2```",
        "```python\na = 1\n```\n```python\nb = 2",
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
        ("I set <code>x</code>", Nothing::NoBlock),
        ("print(list_items())", Nothing::NoBlock),
        ("print(list_items())\n```", Nothing::NoBlock),
        ("I am done.```\n\nI wait for it.", Nothing::NoBlock),
        ("```\n\n```", Nothing::NoBlock),
        ("```\n\u{200b}\n```", Nothing::NoBlock),
        ("<execute></execute>", Nothing::NoBlock),
        ("<execute>\n```python\n```\n</execute>", Nothing::NoBlock),
        ("```markdown\nI am done.\n```", Nothing::NoBlock),
        (
            "```\nTraceback (most recent call last):\nNameError: name 'x' is not defined\n```",
            Nothing::NoBlock,
        ),
        ("I got this:\n```\nNameError: name 'x' is not defined\n```", Nothing::NoBlock),
        ("```text\nx = 1\n```", Nothing::NoBlock),
        ("```bash\nls\n```", Nothing::NoBlock),
        ("<|channel|>analysis<|message|>```python\nfinish()\n```<|end|>", Nothing::NoBlock),
        ("<|channel|>final<|message|>I am done.<|return|>", Nothing::NoBlock),
        ("```python\nfinish()\n```\n</think>", Nothing::NoBlock),
        ("I see.\n<think>```python\nfinish()\n```", Nothing::NoBlock),
        ("Sure! <think>\n```python\nfinish()\n```", Nothing::NoBlock),
        ("Assistant: <think>Maybe\n```python\nfinish()\n```", Nothing::NoBlock),
        ("The capacity is\n```\n12\n```", Nothing::NoBlock),
        ("```\nI am done with this task.\n```", Nothing::NoBlock),
        ("`python` is the language.", Nothing::NoBlock),
        ("Use ```python to mark code.", Nothing::NoBlock),
        ("I mark code with ```python\nand then I wait for it.", Nothing::NoBlock),
        ("```json\n{\"a\": 1}\n```", Nothing::NoBlock),
        ("```\n{\"name\": \"list_items\", \"arguments\": {}}\n```", Nothing::ToolCall),
        ("```json\n{\"tool\": \"inspect\", \"args\": [\"item_1\"]}\n```", Nothing::ToolCall),
        ("<tool_call>\n{\"name\": \"finish\", \"arguments\": {}}\n</tool_call>", Nothing::ToolCall),
        ("[{\"name\": \"finish\", \"parameters\": {}}]", Nothing::ToolCall),
        ("```python\n{\"name\": \"finish\", \"arguments\": {}}\n```", Nothing::ToolCall),
        ("```\n{'name': 'finish', 'arguments': {'a': None}}\n```", Nothing::ToolCall),
        ("```json\n{\"action\": \"finish\", \"action_input\": \"\"}\n```", Nothing::ToolCall),
        (
            "{\"type\": \"function\", \"function\": {\"name\": \"finish\", \"arguments\": \"{}\"}}",
            Nothing::ToolCall,
        ),
        ("I call it: {\"name\": \"finish\", \"arguments\": {}}", Nothing::ToolCall),
        ("I call it:\n{\n  \"name\": \"finish\",\n  \"arguments\": {}\n}\nand wait.", Nothing::ToolCall),
        ("{\"name\": \"a\", \"arguments\": {}}\n{\"name\": \"b\", \"arguments\": {}}", Nothing::ToolCall),
        (
            "<|channel|>commentary to=functions.finish <|constrain|>json<|message|>{}<|call|>",
            Nothing::ToolCall,
        ),
        ("<function=finish></function>", Nothing::ToolCall),
        ("<function_calls>\n<invoke name=\"finish\">\n</invoke>\n</function_calls>", Nothing::ToolCall),
        ("[TOOL_CALLS][{\"name\": \"finish\"}]", Nothing::ToolCall),
        ("<tool_call>finish</tool_call>", Nothing::ToolCall),
        ("Observation: {\"output\": \"12\"}", Nothing::Observation),
        ("```json\n{\"output\": \"12\"}\n```\nSo it is 12.", Nothing::Observation),
        ("```python\n{\"output\": \"12\"}\n```", Nothing::Observation),
        ("{\"output\": \"12\\n\"}", Nothing::Observation),
        (
            "```\n{\"success\": true, \"result\": null, \"output\": \"\", \"error\": null}\n```",
            Nothing::Observation,
        ),
    ];
    let wrong: Vec<_> =
        cases.iter().filter(|(reply, reason)| request(reply) != Request::Nothing(*reason)).collect();
    assert!(
        wrong.is_empty(),
        "{:#?}",
        wrong.iter().map(|(reply, _)| (reply, request(reply))).collect::<Vec<_>>()
    );
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
        ("Now I look: ```python\nx = 1\n``` Then I wait.", "Now I look:\nThen I wait."),
        ("<think>\nHm.\n</think>\n```python\nx = 1\n```", "<think>\nHm.\n</think>"),
    ];
    for (reply, expected) in cases {
        assert_eq!(prose(reply), expected, "{reply}");
    }
}

#[test]
fn a_reply_that_was_cut_off_may_hold_a_whole_block() {
    let whole = [
        "```python\nx = 1\n```",
        "```python\nx = 1\n```\nThis pri",
        "```python\nx = 1\n```\nThis prints:\n```\n1",
        "<execute>x = 1</execute>\nTh",
        "```python\nx = 1\n```\n```python\ny",
    ];
    for reply in whole {
        assert!(holds_whole_block(reply), "{reply}");
    }
    let parts = [
        "",
        "So I",
        "```python\nx = 1",
        "<think>so",
        "<execute>x",
        "<think>\n```python\nx\n```",
        "```\nx = 1\n",
    ];
    for reply in parts {
        assert!(!holds_whole_block(reply), "{reply}");
    }
}

/// Readings never panic and take no time to speak of, whatever the text.
#[test]
fn any_text_can_be_read() {
    let pieces = [
        "```",
        "~~~",
        "`",
        "python",
        " ",
        "\n",
        "\r\n",
        "'''",
        "\"",
        "#",
        "<think>",
        "</think>",
        "<execute>",
        "</execute>",
        "<code>",
        "print(1)",
        "é",
        "\u{feff}",
        "{",
        "\"name\":",
        "}",
        "> ",
        "- ",
        "1. ",
        "<|im_end|>",
        "<|channel|>",
        "<|message|>",
        "analysis",
        ">>> ",
        "\\",
        "[",
        "=",
        "x",
        ":",
        "\t",
    ];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut reply = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            reply += pieces[(state >> 33) as usize % pieces.len()];
        }
        match request(&reply) {
            Request::Run(code) => assert!(!code.trim().is_empty(), "{reply:?}"),
            Request::Several(codes) => {
                assert!(codes.len() > 1 && codes.iter().all(|code| !code.trim().is_empty()))
            }
            Request::Nothing(_) => {}
        }
        prose(&reply);
        holds_whole_block(&reply);
    }
}
