package dev.holdfast.cache.testkit;

/** An error reply: the server's line without the leading {@code -}. */
record RespError(String message) {}
