"""Tables of a cohort as the page reads them, with known wrong studies in them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from marrowsignal.protocol.loader import load_protocol, protocol_sha256

PROTOCOL = "pelvis_sij"
CLASSES = (
    ("NORMAL_FOR_AGE", "high", 0.96),
    ("FOCAL_EDEMA_LIKE", "moderate", 0.9),
    ("SYMMETRIC_RECONVERSION_LIKE", "low", 0.8),
    ("CANNOT_ASSESS", "none", None),
)
NUMBERS = [
    "patient_age_years",
    "magnetic_field_strength_t",
    "stir_inversion_time_ms",
    "pattern_confidence_probability",
    "alignment_error_mm",
    "mask_volume_ml",
    "muscle_t1_au",
    "muscle_stir_au",
    "fat_t1_au",
    "fat_stir_au",
    "noise_t1_au",
    "noise_stir_au",
    "lesion_count",
    "all_fat_signal_index",
    "all_t1_marrow_to_muscle_ratio",
    "all_stir_marrow_to_muscle_ratio",
    "cov_ferritin_ug_l",
]
TEXTS = [
    "case",
    "state",
    "state_code",
    "state_reason",
    "folder",
    "marrowsignal_version",
    "protocol",
    "protocol_version",
    "protocol_sha256",
    "patient_sex",
    "manufacturer",
    "pattern_class",
    "pattern_confidence",
    "pattern_add_ons",
    "pattern_reasons",
    "mask_source",
    "cov_smoking",
]


def case_name(at: int) -> str:
    return f"{at:012x}"


def build_database(path: Path, *, studies: int = 60, failed: int = 3, name: str = "", named: int = 2) -> Path:
    """Write a cohort of which study 0 has a mask ten times too large and study 1 alone fails the metal gate.

    The last `failed` studies were not analyzed; `name` is the case of study `named`.
    """
    rng = np.random.default_rng(11)
    sha = protocol_sha256(load_protocol(PROTOCOL))
    with duckdb.connect(str(path)) as connection:
        columns = ", ".join([f'"{one}" VARCHAR' for one in TEXTS] + [f"{one} DOUBLE" for one in NUMBERS])
        connection.begin()
        connection.execute(f"CREATE TABLE studies ({columns})")
        connection.execute(
            'CREATE TABLE regions ("case" VARCHAR, protocol VARCHAR, label BIGINT, region VARCHAR, '
            "region_name VARCHAR, side VARCHAR, parent VARCHAR, fat_signal_index DOUBLE, "
            "t1_marrow_to_muscle_ratio DOUBLE, stir_marrow_to_muscle_ratio DOUBLE)"
        )
        connection.execute(
            'CREATE TABLE quality ("case" VARCHAR, key VARCHAR, name VARCHAR, series VARCHAR, state VARCHAR)'
        )
        for at in range(studies):
            case = name if at == named and name else case_name(at)
            if at >= studies - failed:
                row = {"case": case, "state": "failed", "state_code": "memory_limit", "state_reason": "more than 2 GB"}
                _insert(connection, row)
                continue
            _insert(connection, _study(at, case, sha, rng))
            for key, region, side, label in (
                ("all", "whole marrow without lesions", "none", 0),
                ("ilium", "ilium, left", "left", 1),
                ("ilium", "ilium, right", "right", 2),
            ):
                values = (rng.normal(0.4, 0.05), rng.normal(1.5, 0.1), rng.normal(1.2, 0.1))
                connection.execute(
                    "INSERT INTO regions VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)",
                    [case, PROTOCOL, label, key, region, side, *values],
                )
            gates = (
                ("metal", "Metal", "", "fail" if at == 1 else "pass"),
                ("alignment", "STIR against T1: estimated error", "", "warn" if at % 5 == 0 else "pass"),
                ("noise", "Signal to noise of muscle", "STIR", "fail" if at % 4 else "not_evaluable"),
            )
            connection.executemany("INSERT INTO quality VALUES (?, ?, ?, ?, ?)", [(case, *gate) for gate in gates])
        connection.commit()
    return path


def add_labels(path: Path, rows: list[tuple[str, str, str | None, str | None]]) -> None:
    """Add a reader's labels: case, label, reader, group."""
    with duckdb.connect(str(path)) as connection:
        connection.execute('CREATE TABLE labels ("case" VARCHAR, label VARCHAR, reader VARCHAR, "group" VARCHAR)')
        connection.executemany("INSERT INTO labels VALUES (?, ?, ?, ?)", rows)


def _study(at: int, case: str, sha: str, rng: np.random.Generator) -> dict[str, object]:
    pattern, confidence, probability = CLASSES[at % len(CLASSES)]
    second = at % 2 == 1
    muscle = float(rng.lognormal(6, 0.5))
    return {
        "case": case,
        "state": "done",
        "folder": case,
        "marrowsignal_version": "0.1.0",
        "protocol": PROTOCOL,
        "protocol_version": "0.1",
        "protocol_sha256": sha,
        "patient_sex": "FM"[at // 2 % 2],
        "manufacturer": "Second" if second else "First",
        "pattern_class": pattern,
        "pattern_confidence": confidence,
        "pattern_confidence_probability": probability,
        "pattern_add_ons": "HIGH_FAT" if at % 7 == 0 else None,
        "pattern_reasons": f"the error is {1 + at / 10} mm" if pattern == "CANNOT_ASSESS" else "fine",
        "mask_source": "automatic",
        "cov_smoking": "never" if at % 3 else None,
        "patient_age_years": None if at == 5 else 20 + at,
        "magnetic_field_strength_t": 1.5,
        "stir_inversion_time_ms": 150.0,
        "alignment_error_mm": float(rng.lognormal(-1, 0.2)),
        "mask_volume_ml": float(rng.lognormal(6, 0.1)) * (10 if at == 0 else 1),
        "muscle_t1_au": muscle,
        "muscle_stir_au": muscle,
        "fat_t1_au": 3 * muscle * float(rng.lognormal(0, 0.05)),
        # The second scanner suppresses fat less well.
        "fat_stir_au": (1.5 if second else 1.0) * muscle * float(rng.lognormal(0, 0.05)),
        "noise_t1_au": 0.02 * muscle * float(rng.lognormal(0, 0.1)),
        "noise_stir_au": 0.05 * muscle * float(rng.lognormal(0, 0.1)),
        "lesion_count": float(at % 4),
        "all_fat_signal_index": 0.4,
        "all_t1_marrow_to_muscle_ratio": 1.5,
        "all_stir_marrow_to_muscle_ratio": 1.2,
        "cov_ferritin_ug_l": None if at % 6 == 0 else 30.0 + at,
    }


def _insert(connection: duckdb.DuckDBPyConnection, row: dict[str, object]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(f"INSERT INTO studies ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
