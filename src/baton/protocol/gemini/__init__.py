"""Google's Gemini API: `generateContent` and `streamGenerateContent`.

Model and streaming stand in the address and not in the body: readers find them as members that the gateway puts
there, and no body that is written has them. Start with `read.py` and `write.py`.
"""
