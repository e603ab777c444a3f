"""The verdict of a CI run: is this checkpoint less robust than its baseline, on the same images?"""
