"""Compressed contexts for agent frameworks, one module each: `langchain`, `openai_agents`, `litellm`. Each needs the extra of its name.

A framework's messages are shown to the engine as chat messages; what comes back are the framework's own objects, in which only the text of
tool outputs differs. Ids, metadata, images, signatures and all else a program put in them stay.
"""
