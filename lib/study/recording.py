"""`python -m lib.study.recording REPLIES RECORDING`: a recording without its requests.

REPLIES is what 01 or 02 stored beside its examples (NAME.replies.jsonl). Where the requests hold texts that cannot be given away,
a key of each is enough to look its reply up. Replies that repeat such a text (spans, frames, rewordings) are refused.
"""

import argparse
import sys

from lib.teacher.recorded import write_without_requests


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replies", help="NAME.replies.jsonl, as 01 or 02 wrote it")
    parser.add_argument("recording", help="the file of data/recordings to write")
    given = parser.parse_args()
    try:
        number = write_without_requests(given.replies, given.recording)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"{given.replies}: no replies of 01 or 02 that can be recorded so ({error}).")
    print(f"{number} replies in {given.recording}, without their requests")


if __name__ == "__main__":
    _main()
