//! Blocks of Python that scripts are made of: what each does follows from the episode alone, never from the clock of the machine.

use crate::draw::Draw;

/// Blocks for every task. `@` becomes a number below 1000.
const BLOCKS: [&str; 26] = [
    "x = globals().get('x', 0) + @\nprint(x)",
    "import random\nprint([random.random() for _ in range(3)], random.randrange(@ + 1))",
    "import time, datetime\nprint(time.time(), time.monotonic(), datetime.datetime.now())",
    "squares = globals().get('squares') or (n * n + @ for n in range(10**9))\nprint(next(squares), next(squares))",
    "def walk():\n    total = 0\n    while True:\n        total += (yield total) or @\nwalker = walk()\nprint(next(walker), walker.send(@), next(walker))",
    "print(next(globals().get('squares', iter(()))))",
    "words = globals().setdefault('words', {})\nwords[@] = str(@) * 3\nprint(sorted(words), len(words))",
    "print({1, 2, @}, {'a', 'b', str(@)}, frozenset((@, 2)), (@,))",
    "def f(:",
    "print(1 / (@ - @))",
    "raise KeyError(@)",
    "print(undefined_@)",
    "class Boom(Exception): pass\ntry:\n    raise Boom(@)\nexcept Boom as error:\n    raise ValueError('second') from error",
    "with open('notes.txt', 'a') as notes:\n    notes.write('line @\\n')\nprint(open('notes.txt').read())",
    "import os\nos.makedirs('deep/er', exist_ok=True)\nopen('deep/er/@.bin', 'wb').write(os.urandom(64))\nprint(sorted(os.listdir('deep/er')), hash(open('deep/er/@.bin', 'rb').read()) % 10**6)",
    "import sys\nprint('seen @', file=sys.stderr)",
    "big = list(range(200_000 + @))\nprint(len(big), sum(big))",
    "data = globals().get('data', b'') + bytes(range(256)) * (@ * 2)\nprint(len(data), sum(data[:@]))",
    "for i in range(400_000 + @): pass\nprint(i)",
    "table = {i: str(i) * 5 for i in range(20_000 + @)}\nfor i in range(300_000): pass\nprint(len(table), table[@])",
    "import collections, itertools, decimal\nprint(collections.Counter('abc@').most_common(2), decimal.Decimal(@) / 7)",
    "import asyncio\nasync def later(n):\n    await asyncio.sleep(0)\n    return n * @\nprint(asyncio.run(later(3)))",
    "print(hash('text @') % 1000, id(type) % 1000)",
    "del x",
    "import json; state = json.dumps({'n': @, 'x': globals().get('x')}); print(state)",
    "lambda_@ = lambda a, b=@: a + b\nprint(lambda_@(1), lambda_@.__name__)",
];

/// Blocks that exceed a limit of an episode with [`crate::script`]'s small limits.
const HOSTILE: [&str; 7] = [
    "before = @\nwhile True: pass",
    "flood = 0\nwhile True:\n    print('flood @' * 100)",
    "bomb = []\nwhile True: bomb.append(bytearray(1 << 20))",
    "bomb = 'x' * (1 << 32)",
    "print('y' * 300_000)",
    "import os\nos._exit(@ % 7)",
    "def deep(n): return deep(n + 1)\ndeep(0)",
];

/// Blocks that call a tool of each family, rightly and wrongly.
const TOOLS: [(&str, [&str; 9]); 3] = [
    (
        "knapsack",
        [
            "import json\nids = json.loads(list_items())\nprint(len(ids), ids[@ % len(ids)])",
            "import json\nids = json.loads(list_items())\nprint(inspect(ids[@ % len(ids)]))",
            "import json\nids = json.loads(list_items())\ntake_item(ids[@ % len(ids)])\nprint('taken')",
            "take_item({1, 2})",
            "inspect((@, 'a'))",
            "take_item(item_name='x')",
            "try:\n    take_item('nothing')\nexcept Exception as error:\n    print(type(error).__name__, error)",
            "import json\nfor item in json.loads(list_items())[:@ % 12]:\n    try:\n        print(inspect(item_id=item))\n    except Exception as error:\n        print(error)",
            "for _ in range(40): list_items()",
        ],
    ),
    (
        "navigation",
        [
            "print(scan())",
            "print(move(node_id='@'))",
            "move(('a', @))",
            "scan(@)",
            "move({@})",
            "import re\nprint(scan()[:20])",
            "try:\n    move(@)\nexcept Exception as error:\n    print(type(error).__name__, error)",
            "for _ in range(40): scan()",
            "print(move)",
        ],
    ),
    (
        "rule_diagnosis",
        [
            "print(test_input(@ % 10))",
            "print(test_input('@'))",
            "test_input({@, 1})",
            "test_input((@,))",
            "test_input()",
            "for n in range(@ % 6): print(test_input(n))",
            "for n in range(40): test_input(n)",
            "try:\n    test_input(None)\nexcept Exception as error:\n    print(type(error).__name__, error)",
            "print(submit('{\\\"a\\\": @}'))",
        ],
    ),
];

/// A block for a task of this family. Hostile ones are rare.
pub fn draw(random: &mut Draw, family: &str) -> String {
    let tools = TOOLS.iter().find(|(name, _)| *name == family).map_or(&[][..], |(_, blocks)| &blocks[..]);
    let block = match random.below(20) {
        0 => random.pick(&HOSTILE),
        1..8 if !tools.is_empty() => random.pick(tools),
        _ => random.pick(&BLOCKS),
    };
    block.replace('@', &random.below(1000).to_string())
}
