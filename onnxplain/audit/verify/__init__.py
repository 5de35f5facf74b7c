"""Does an audit's record reproduce?"""
