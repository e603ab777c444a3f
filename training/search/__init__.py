"""The search for a policy of Fast AutoAugment on training images."""
