"""Writes a model of llama's architecture with random weights, the same bytes every time: about 1 MB.

    tiny_gguf.py OUT.gguf

What it says is word salad. Tokens, template, sampling, stop, usage and streaming around it are the real thing.
"""

import sys

import gguf
import numpy as np

DIM, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 2, 4, 2, 4096
WORDS = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they
which one you were her all she there would their we him been has when who will more no if out so said what up its about
into than them can only other new some could time these two may then do first any my now such like our over hello world
server token stream chat model test answer question blue sky green tree river stone light city ocean""".split()
MARKS = [".", ",", "!", "?", "é", "ü", "日本", "🙂"]
TEMPLATE = (
    "{%- for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPACE = "\u2581"
NORMAL, CONTROL, BYTE = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL, gguf.TokenType.BYTE


def vocabulary() -> dict[str, tuple[float, int]]:
    """Tokens with score and type: bytes, letters, marks, words, and every beginning of a word, for merges go by pairs."""
    tokens = {"<unk>": (0.0, gguf.TokenType.UNKNOWN), "<s>": (0.0, CONTROL), "</s>": (0.0, CONTROL)}
    tokens |= {f"<0x{byte:02X}>": (0.0, BYTE) for byte in range(256)}
    for code in range(32, 127):
        tokens[SPACE if code == 32 else chr(code)] = (-1000.0, NORMAL)
    for mark in MARKS:
        tokens.setdefault(mark, (-500.0, NORMAL))
    for rank, word in enumerate(WORDS):
        for end in range(1, len(word)):
            tokens.setdefault(SPACE + word[:end], (-300.0, NORMAL))
        tokens[SPACE + word] = (-1.0 - rank, NORMAL)
    return tokens | {"<|im_start|>": (0.0, CONTROL), "<|im_end|>": (0.0, CONTROL)}


def main() -> None:
    tokens = vocabulary()
    names = list(tokens)
    end = names.index("<|im_end|>")
    random = np.random.default_rng(7)

    def weights(*shape: int, scale: float = 0.2) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    out = weights(len(names), DIM, scale=0.5)
    for number, (score, kind) in enumerate(tokens.values()):
        # Words, marks and the end win; letters, pieces and other control tokens have logit 0.
        if number != end and not (kind == NORMAL and score > -300.0 or score == -500.0):
            out[number] = 0.0

    writer = gguf.GGUFWriter(sys.argv[1], "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(2 * DIM)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(DIM // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(names))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([name.encode() for name in names])
    writer.add_token_scores([score for score, _ in tokens.values()])
    writer.add_token_types([kind for _, kind in tokens.values()])
    writer.add_bos_token_id(names.index("<s>"))
    writer.add_eos_token_id(end)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    kv = KV_HEADS * DIM // HEADS
    writer.add_tensor("token_embd.weight", weights(len(names), DIM, scale=1.0))
    for layer in range(LAYERS):
        shapes = {"attn_q": (DIM, DIM), "attn_k": (kv, DIM), "attn_v": (kv, DIM), "attn_output": (DIM, DIM)}
        shapes |= {"ffn_gate": (2 * DIM, DIM), "ffn_up": (2 * DIM, DIM), "ffn_down": (DIM, 2 * DIM)}
        for name in ["attn_norm", "ffn_norm"]:
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(DIM, np.float32))
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(*shape))
    writer.add_tensor("output_norm.weight", np.ones(DIM, np.float32))
    writer.add_tensor("output.weight", out)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
