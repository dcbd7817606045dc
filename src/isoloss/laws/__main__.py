"""``python -m isoloss.laws`` writes the derivatives of the built-in laws anew."""

from __future__ import annotations

from pathlib import Path

from isoloss.atomic import write_text
from isoloss.laws.catalogue import with_inner
from isoloss.laws.derive import generated_text

if __name__ == "__main__":
    write_text(Path(__file__).with_name("_generated.py"), generated_text(with_inner()))
