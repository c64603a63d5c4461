package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.ForeignText;
import redis.clients.jedis.exceptions.JedisDataException;

/** What the server answered instead of doing it; the connection is as good as before. */
final class Refusal extends JedisDataException {
    private static final long serialVersionUID = 1L;

    Refusal(String line) {
        super(ForeignText.shown(line));
    }
}
