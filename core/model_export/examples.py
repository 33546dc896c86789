"""Ten-line programs that go with an exported model, and run as they are."""

from __future__ import annotations

from pathlib import Path

from core.encoders.batches import pad_id_of
from core.model_export import standalone_words
from core.model_export.source import Source

ONNX_EXAMPLE, TRANSFORMERS_EXAMPLE, WORDS = "example.py", "example_transformers.py", "words.py"

WITH_ONNX = '''"""Probability of each label for texts: python example.py "a text" "another"."""
import json, sys
from pathlib import Path
import numpy as np, onnxruntime, tokenizers

here, texts = Path(__file__).parent, sys.argv[1:] or ["A text to be labelled."]
tokenizer = tokenizers.Tokenizer.from_file(str(here / "encoder" / "tokenizer.json"))
tokenizer.enable_truncation({max_tokens})
tokenizer.enable_padding(pad_id={pad_id}, pad_token={pad_token!r})
read = tokenizer.encode_batch(texts)
inputs = {{
    "input_ids": np.array([one.ids for one in read], dtype=np.int64),
    "attention_mask": np.array([one.attention_mask for one in read], dtype=np.int64),
}}
{words}model = onnxruntime.InferenceSession(str(here / "model.onnx"))
probabilities = model.run(None, inputs)[0]  # (texts, labels), calibrated
{show}'''

READ_WORDS = """from words import Words
inputs["words"] = Words(here / "words").encode(texts)
"""

WITH_TRANSFORMERS = '''"""The same with transformers: python example_transformers.py "a text"."""
import json, sys
from pathlib import Path
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

here, texts = Path(__file__).parent, sys.argv[1:] or ["A text to be labelled."]
tokenizer = AutoTokenizer.from_pretrained(here / "encoder")
encoder = AutoModel.from_pretrained(here / "encoder", dtype=torch.float32).eval()
inputs = tokenizer(texts, padding=True, truncation=True, max_length={max_tokens},
                   return_tensors="pt", return_token_type_ids=False)
with torch.no_grad():
    hidden, mask = encoder(**inputs).last_hidden_state, inputs["attention_mask"].unsqueeze(-1)
    vectors = torch.nn.functional.normalize({pooled}, dim=-1)
{layers}
probabilities = vectors.numpy()  # (texts, labels), calibrated
{show}'''

SHOW = """labels = json.loads((here / "labels.json").read_text(encoding="utf-8"))
thresholds = json.loads((here / "thresholds.json").read_text(encoding="utf-8"))
for text, row in zip(texts, probabilities):
    named = {named}
    by_label = {{name: float(p) if p == p else None for name, p in zip(labels, row)}}
    print(json.dumps({{"text": text, "labels": named, "probabilities": by_label}}))
"""
# A label that was never judged is NaN, which equals nothing.
EACH = "[name for name, p in zip(labels, row) if p >= thresholds[name]]"
ONE = "[labels[max(range(len(labels)), key=lambda at: (row[at] == row[at], row[at]))]]"
POOLED = {
    "mean": "(hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)",
    "cls": "hidden[:, 0]",
}


def write_examples(source: Source, out: Path, *, has_onnx: bool, n_layers: int | None) -> None:
    """Write what can be run here: ONNX, and transformers where the head is layers."""
    show = SHOW.format(named=ONE if source.is_exclusive else EACH)
    encoder = source.encoder
    if source.words is not None:
        text = Path(standalone_words.__file__).read_text(encoding="utf-8")
        (out / WORDS).write_text(text, encoding="utf-8")
    if has_onnx:
        text = WITH_ONNX.format(
            max_tokens=encoder.max_tokens,
            pad_id=pad_id_of(encoder.tokenizer),
            pad_token=encoder.tokenizer.pad_token or "",
            words=READ_WORDS if source.words is not None else "",
            show=show,
        )
        (out / ONNX_EXAMPLE).write_text(text, encoding="utf-8")
    if n_layers is not None:
        text = WITH_TRANSFORMERS.format(
            max_tokens=encoder.max_tokens,
            pooled=POOLED[str(encoder.pooling)],
            layers="\n".join(_layer(source, number) for number in range(n_layers)),
            show=show,
        )
        (out / TRANSFORMERS_EXAMPLE).write_text(text, encoding="utf-8")


def _layer(source: Source, number: int) -> str:
    layers = source.head.as_layers()
    assert layers is not None
    activation = layers[number].activation
    if list(activation.parameters()):  # PReLU's slope
        called = "torch.nn.functional.prelu({}, dense['activation_function.weight'])"
    else:
        called = f"torch.nn.{type(activation).__name__}()({{}})"
    linear = "torch.nn.functional.linear(vectors, dense['linear.weight'], dense['linear.bias'])"
    return (
        f'    dense = load_file(here / "{number + 3}_Dense" / "model.safetensors")\n'
        f"    vectors = {called.format(linear)}"
    )
