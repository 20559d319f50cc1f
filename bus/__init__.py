"""The language and the chassis: messages, codec, planes, journal, agent, process, simulation."""
