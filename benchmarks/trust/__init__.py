"""How often is the verdict of ``explain --trust`` wrong, and how often is it there at all?"""
