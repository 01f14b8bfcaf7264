"""The only room with doors to all of 1-6: it joins protocol, decide, call and record.

May import every room below it; knows nothing above it. Start with `request.py`: one request, on one screen.
"""
