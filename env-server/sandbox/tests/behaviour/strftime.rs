//! `strftime` and `setlocale` answer as CPython on Linux. `strftime/record.py` records the answers.

use crate::common::{prints, reset};
use serde_json::Value;

const EXPECTED: &str = include_str!("strftime/expected.json");

/// Prints each format whose answer differs from the recorded one, then the number of formats.
fn differing(when: &str, call: &str, answers: &Value) -> String {
    let code = format!(
        "import datetime, time
when = {when}
answers = json.loads({:?})
for form, expected in answers.items():
    try: got = {call}
    except (ValueError, OverflowError): got = None
    if got != expected: print(ascii(form), ascii(got), ascii(expected))
print(len(answers))",
        answers.to_string()
    );
    prints(&mut reset(), &code)
}

#[test]
fn every_directive_flag_and_width_is_formatted_as_on_linux() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let mut formats = 0;
    for (moment, answers) in expected["time.strftime"].as_object().unwrap() {
        let count = answers.as_object().unwrap().len();
        assert_eq!(differing(moment, "time.strftime(form, when)", answers), format!("{count}\n"), "{moment}");
        formats += count;
    }
    assert!(formats > 4_000, "the recording is complete");
}

#[test]
fn dates_and_times_are_formatted_as_on_linux() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    for (when, answers) in expected["datetime"].as_object().unwrap() {
        let count = answers.as_object().unwrap().len();
        for call in
            ["when.strftime(form)", "format(when, form) if form else ''", "f'{when:{form}}' if form else ''"]
        {
            assert_eq!(differing(when, call, answers), format!("{count}\n"), "{when}: {call}");
        }
    }
}

#[test]
fn what_is_no_time_or_no_format_is_refused() {
    let code = "
import time
for arguments in [(b'%d',), (5,), (), ('%d', 5), ('%d', (1, 2)), ('%d', (2025, 13, 1, 0, 0, 0, 0, 1, 0)), ('%d', None), ('%d', (1,) * 9, 1)]:
    try: print(time.strftime(*arguments))
    except (TypeError, ValueError) as error: print(type(error).__name__)
print(time.strftime('%Y-%m-%d'), time.strftime.__name__, time.strftime.__module__)";
    let refused = "TypeError\n".repeat(5) + "ValueError\n01\nTypeError\n";
    assert_eq!(prints(&mut reset(), code), refused + "2025-01-01 strftime time\n");
}

#[test]
fn a_locale_that_is_not_there_is_refused() {
    let code = "
import calendar, locale
for name in ['', 'C', 'POSIX', 'C.UTF-8', 'de_DE.UTF-8', 'en_US', ('fr_FR', 'UTF-8'), 'nonsense', 'C;de_DE']:
    try: locale.setlocale(locale.LC_ALL, name)
    except locale.Error as error: print(name, error)
try: calendar.LocaleTextCalendar(locale='de_DE.UTF-8').formatmonth(2025, 1)
except locale.Error: print('calendar')
locale.setlocale(locale.LC_ALL, locale.setlocale(locale.LC_ALL))
print(f'{1234567.5:n}', locale.format_string('%d', 12345, grouping=True), locale.localeconv()['decimal_point'])";
    let refused: String = ["de_DE.UTF-8", "en_US", "('fr_FR', 'UTF-8')", "nonsense", "C;de_DE"]
        .map(|name| format!("{name} unsupported locale setting\n"))
        .concat();
    assert_eq!(prints(&mut reset(), code), refused + "calendar\n1.23457e+06 12345 .\n");
}
