package dev.holdfast.cache;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * An atomic step that Redis has no command for, the same in every store on a Redis, so that a key means the same in all. For
 * implementations of stores: sent by {@code EVALSHA}, and by {@code EVAL} where the server answers {@code NOSCRIPT}.
 *
 * <p>A time to live is in milliseconds, or empty for ever. Errors of the first command that changes something are handed on
 * by {@code pcall}, which keeps their code in front on every version of Redis. Sums are read back by {@code GET}, since
 * Lua's numbers hold 53 bits only.
 *
 * @see <a href="https://redis.io/docs/latest/develop/programmability/eval-intro/">Scripting with Lua</a>
 */
public enum RedisScript {
    /** {@code KEYS} key; {@code ARGV} expected value, new value, time to live. Answers 1 if the value was replaced, else 0. */
    REPLACE("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            local done
            if ARGV[3] == '' then done = redis.pcall('SET', KEYS[1], ARGV[2])
            else done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            if done.err then return done end
            return 1"""),

    /**
     * {@code KEYS} keys; {@code ARGV} tombstone, its time to live, how many bytes of it are the same in every tombstone. Answers how many keys
     * held something else than a tombstone. Where there is no room to write, a key is removed: that is never refused for want of memory.
     */
    REMOVE_LEAVING("""
            local lead = string.sub(ARGV[1], 1, ARGV[3])
            local found = 0
            for _, key in ipairs(KEYS) do
              local held = redis.pcall('GET', key)
              local done
              if ARGV[2] == '' then done = redis.pcall('SET', key, ARGV[1])
              else done = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2]) end
              if done.err then
                done = redis.pcall('UNLINK', key)
                if type(done) == 'table' and done.err then return done end
              end
              if held and not (type(held) == 'string' and #held == #ARGV[1] and string.sub(held, 1, ARGV[3]) == lead) then
                found = found + 1
              end
            end
            return found"""),

    /** {@code KEYS} key; {@code ARGV} expected value. Answers 1 if it was removed, else 0. */
    REMOVE("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            return redis.pcall('UNLINK', KEYS[1])"""),

    /** {@code KEYS} key. Answers 1 if it is there, now for ever, else 0; PERSIST alone says 0 also where it was for ever before. */
    PERSIST("""
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local done = redis.pcall('PERSIST', KEYS[1])
            if type(done) == 'table' and done.err then return done end
            return 1"""),

    /** {@code KEYS} key; {@code ARGV} delta, time to live if this creates it. Answers the sum, as text. */
    INCREMENT("""
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            return redis.call('GET', KEYS[1])"""),

    /**
     * {@code KEYS} key, marker; {@code ARGV} delta, time to live if this creates it, the marker's time to live. Adds nothing if
     * the marker is there, which holds the sum. Answers the sum, as text.
     */
    INCREMENT_ONCE("""
            local earlier = redis.call('GET', KEYS[2])
            if earlier then return earlier end
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            local sum = redis.call('GET', KEYS[1])
            redis.call('SET', KEYS[2], sum, 'PX', ARGV[3])
            return sum""");

    private final String text;
    private final String sha1;

    RedisScript(String text) {
        this.text = text;
        this.sha1 = digest(text);
    }

    /**
     * Returns the script.
     *
     * @return Lua, in ASCII
     */
    public String text() {
        return text;
    }

    /**
     * Returns what the server knows the script by.
     *
     * @return its SHA-1, 40 hexadecimal digits in lower case
     */
    public String sha1() {
        return sha1;
    }

    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(text.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }
}
