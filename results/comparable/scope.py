"""The scope of a table: what its header says about its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What every table header says about its numbers.

    Attributes:
        data: Name of the data set.
        fingerprint: Of the data set.
        provenance: ``"generated"`` or ``"official"``.
        n: Images behind each number.
        subset: ``"500 of 10000"``, or None for all images.
        table: Name of the severity table, or None if nothing was corrupted.
        jpeg_quality: Quality of the JPEG round trip that ended each generated corruption, or None.
        draw_seed: Seed of generated corruptions, windows and attacks, or None if nothing was drawn.
        checkpoint_level_only: Whether several methods are here and one of them with a single training seed.
        training: How these checkpoints were trained, if others that saw the same images were trained differently.
        distinction: What tells units apart whose titles would be equal; empty if that is not needed.
    """

    data: str
    fingerprint: str
    provenance: str
    n: int
    subset: str | None
    table: str | None
    jpeg_quality: int | None
    draw_seed: int | None
    checkpoint_level_only: bool
    training: str = ""
    distinction: str = ""

    @property
    def title(self) -> str:
        """One line for people."""
        jpeg = f", then JPEG quality {self.jpeg_quality}" if self.jpeg_quality else ""
        parts = [self.data, self.provenance]
        parts += [f"{self.table} severities{jpeg}"] if self.table else []
        parts += [f"seed {self.draw_seed}"] if self.draw_seed else []
        parts += [f"SUBSET: {self.subset} images" if self.subset else f"{self.n} images"]
        parts += [self.training] if self.training else []
        parts += ["checkpoint-level only"] if self.checkpoint_level_only else []
        parts += [self.distinction] if self.distinction else []
        return " · ".join(parts)

    @property
    def explained(self) -> str:
        """What the title says, in sentences for those who see such a title for the first time."""
        images = f"{self.n} images of {self.data}" + (f" (a subset, {self.subset})" if self.subset else "")
        sentences = [f"Every checkpoint classified the same {images}"]
        if self.provenance == "official":
            sentences[0] += ", the published corrupted files."
        elif self.table:
            sentences[0] += f"; corruptions are computed here from the clean images, with the {self.table} severities."
        else:
            sentences[0] += "."
        if self.checkpoint_level_only:
            sentences.append(
                "A method was trained only once: differences are between these checkpoints, and other training runs of "
                "the same methods may differ otherwise."
            )
        return " ".join(sentences)
