import sys
from pathlib import Path

# A study's scripts lie beside its plans and import each other by name.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "studies"))
