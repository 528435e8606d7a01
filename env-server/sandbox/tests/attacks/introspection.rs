//! Python's introspection: frames, the garbage collector, subclasses, trace functions.

use crate::common::{persistent, prints};
use crate::history::{each, is_contained, is_survived, small};
use crate::outcome_of;

#[test]
fn no_object_holds_anything_of_the_host() {
    for secret in ["RUNTIME_GYM", "CARGO_", "/root/", "/home/", env!("CARGO_MANIFEST_DIR")] {
        let code = format!(
            "import gc\nparts = {:?}\nsecret = ''.join(parts)\nprint(any(type(o) is str and secret in o and o is not secret for o in gc.get_referents(*gc.get_objects())))",
            secret.chars().map(String::from).collect::<Vec<_>>()
        );
        assert_eq!(prints(&mut persistent(), &code), "False\n", "{secret}");
    }
}

#[test]
fn classes_that_open_files_open_nothing() {
    let code = "
def every(cls):
    for sub in type.__subclasses__(cls):
        yield sub
        yield from every(sub)
opened = []
for cls in {c for c in every(object)}:
    for arguments in (('/etc/passwd',), ('/etc/passwd', 'r'), (0, '/etc'), ()):
        try: made = cls(*arguments)
        except BaseException: continue
        if hasattr(made, 'fileno'):
            try: opened.append((made.fileno(), getattr(made, 'name', None)))
            except BaseException: pass
# Without arguments, a temporary file of the interpreter's own.
print([(n, name) for n, name in opened if type(n) is int and n > 2 and not str(name).startswith('/tmp/') and name != n])";
    let printed = prints(&mut persistent(), code);
    assert_eq!(printed.lines().last(), Some("[]"), "{printed}");
}

#[test]
fn breaking_the_guests_frames_lasts_one_step_at_most() {
    let inside = "
import sys
frame = sys._getframe()
while frame.f_back: frame = frame.f_back
guest = frame.f_locals.get('self')
";
    each(
        &[
            "import gym_guest.interpreter as i\ni._describe = None\n1/0",
            "import gym_guest.interpreter as i\ni.failures = i.definitions = i.limit = None",
            "import gym_guest.failures as f\nf.text = lambda error: 5\n1/0",
            "import gym_guest.failures as f\nf.text = lambda error: 'x' * 10**8\n1/0",
            "import gym_guest.failures as f\nf.type_name = lambda error: 'x' * 10**6\n1/0",
            "import gym_guest.interpreter as i\ni._bounded = lambda names: ['x' * 10**6] * 30\n",
            "import gym_guest.interpreter as i\ni.Interpreter.run = None",
            "import gym_guest\ngym_guest._interpreter = None",
            "import gym_guest\ngym_guest.WitWorld.run = lambda self, code: 5",
            "import sys\nfor name in list(sys.modules):\n    if name.startswith(('gym_guest', 'wit_world', 'componentize')): sys.modules[name].__dict__.clear()",
            "import sys\nsys._getframe(1).f_globals.clear()",
            "import sys\nsys._getframe(1).f_locals['self'].namespace = None",
            "import sys\nsys._getframe(1).f_locals['self'].reserved['count'] = None",
            "import gc\nfor o in gc.get_objects():\n    if type(o) is dict and o is not globals(): o.clear()",
            "import gc\nfor o in gc.get_objects():\n    if type(o) is list: o.clear()",
            "import sys\nsys.monitoring.use_tool_id(3, 'x')\nsys.monitoring.register_callback(3, sys.monitoring.events.PY_START, lambda *a: 1/0)\nsys.monitoring.set_events(3, sys.monitoring.events.PY_START)",
            "import sys\nsys.setprofile(lambda *a: 1/0)",
            "import sys\nclass T:\n    def __del__(self): sys.settrace(lambda *a: 1/0)\ndef f():\n    t = T()\n    raise ValueError\nf()",
            "def f(): raise ValueError\ntry: f()\nexcept ValueError as e: tb = e.__traceback__\nwhile tb:\n    try: tb.tb_frame.f_locals.clear()\n    except BaseException: pass\n    tb = tb.tb_next",
            "import sys\nsys.unraisablehook = sys.excepthook = sys.displayhook = lambda *a: 1/0\nclass D:\n    def __del__(self): 1/0\nD()",
            "import sys\nsys.addaudithook(lambda *a: 1/0)",
            "object.__init_subclass__ = 5",
            "import builtins\nbuiltins.__import__ = lambda *a: 1/0\nbuiltins.__build_class__ = None",
        ],
        |attack| {
            for code in [attack.to_owned(), format!("{inside}{attack}")] {
                is_contained(&small(), &code);
            }
        },
    );
}

#[test]
fn a_class_with_false_attributes_is_harmless() {
    each(
        &[
            "class A:\n    __class__ = property(lambda self: 1/0)\n    __hash__ = __eq__ = __len__ = __bool__ = __iter__ = None\na = A()",
            "class M(type):\n    def __instancecheck__(c, o): raise SystemExit\n    def __subclasscheck__(c, o): raise SystemExit\n    __mro__ = property(lambda c: 1/0)\n    def mro(c): return [c, object]\nclass A(metaclass=M): pass\na = A()",
            "class S(str):\n    def isidentifier(self): raise SystemExit\n    def startswith(self, x): raise SystemExit\n    def __len__(self): return 10**9\nglobals()[S('odd')] = 1",
            "class D(dict):\n    def items(self): raise SystemExit\n    def __getitem__(self, k): raise SystemExit\n    def __missing__(self, k): return 1\nexec('y = z', D())",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
    assert_eq!(outcome_of("().__class__.__base__ is object"), "True");
}
