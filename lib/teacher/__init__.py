"""The language model: reach it, pay for it, read its replies."""

from lib.teacher.backends import open_teacher, teacher_price
from lib.teacher.client import OVER_CAP, TRIES, Answer, Bill, Progress, Request, Teacher, TeacherError, number_samples
from lib.teacher.ledger import Reply
from lib.teacher.recorded import write_recordings

__all__ = [
    "OVER_CAP",
    "TRIES",
    "Answer",
    "Bill",
    "Progress",
    "Reply",
    "Request",
    "Teacher",
    "TeacherError",
    "number_samples",
    "open_teacher",
    "teacher_price",
    "write_recordings",
]
