package dev.holdfast.cache.upstash;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What has no command of its own and must be one step on the server.
 *
 * @param text the script
 * @param sha1 what the server knows it by
 */
record Script(String text, String sha1) {
    /** KEYS: key. ARGV: expected, value, ttl in ms or 0. */
    static final Script REPLACE = of("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
            else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            return 1
            """);

    /** KEYS: key. ARGV: expected. */
    static final Script REMOVE = of("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            return redis.call('DEL', KEYS[1])
            """);

    /** KEYS: key. PERSIST alone says 0 both for an absent key and for one that did not expire anyway. */
    static final Script PERSIST = of("""
            redis.call('PERSIST', KEYS[1])
            return redis.call('EXISTS', KEYS[1])
            """);

    /** KEYS: key. ARGV: delta, ttl in ms or 0. */
    static final Script INCREMENT = of("""
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
            if created and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            return redis.call('GET', KEYS[1])
            """);

    /** KEYS: key, marker. ARGV: delta, ttl in ms or 0, the marker's ttl in ms. */
    static final Script INCREMENT_ONCE = of("""
            if redis.call('EXISTS', KEYS[2]) == 1 then return redis.call('GET', KEYS[1]) or '0' end
            local created = redis.call('EXISTS', KEYS[1]) == 0
            redis.call('INCRBY', KEYS[1], ARGV[1])
            redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
            if created and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            return redis.call('GET', KEYS[1])
            """);

    private static Script of(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(text.getBytes(StandardCharsets.UTF_8));
            return new Script(text, HexFormat.of().formatHex(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }
}
