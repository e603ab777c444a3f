"""Results in the formats of public collections: Every Eval Ever, and the evaluation results of the Hugging Face Hub."""
