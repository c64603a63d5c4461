package dev.holdfast.cache.cluster;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.ByteArrayOutput;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.output.IntegerOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;

/**
 * One atomic step that the server has no command for. Sent by its digest, and in full where a node doesn't know that.
 *
 * <p>Errors of the first command that changes something are handed on by {@code pcall}, which keeps their code in front on
 * every version of Redis. Sums are read back by GET, since Lua's numbers hold 53 bits only.
 *
 * @param <T> what it returns
 */
final class Script<T> {
    /** Key; expected, value, milliseconds to live or empty. */
    static final Script<Long> REPLACE = new Script<>(IntegerOutput::new, """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            local done
            if ARGV[3] == '' then done = redis.pcall('SET', KEYS[1], ARGV[2])
            else done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            if done.err then return done end
            return 1""");

    /** Key; expected. */
    static final Script<Long> REMOVE = new Script<>(IntegerOutput::new, """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            return redis.pcall('UNLINK', KEYS[1])""");

    /** Key. */
    static final Script<Long> PERSIST = new Script<>(IntegerOutput::new, """
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local done = redis.pcall('PERSIST', KEYS[1])
            if type(done) == 'table' and done.err then return done end
            return 1""");

    /** Key; delta, milliseconds to live or empty. */
    static final Script<byte[]> INCREMENT = new Script<>(ByteArrayOutput::new, """
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            return redis.call('GET', KEYS[1])""");

    /** Key, marker; delta, milliseconds to live or empty, the marker's milliseconds. The marker holds the sum. */
    static final Script<byte[]> INCREMENT_ONCE = new Script<>(ByteArrayOutput::new, """
            local earlier = redis.call('GET', KEYS[2])
            if earlier then return earlier end
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            local sum = redis.call('GET', KEYS[1])
            redis.call('SET', KEYS[2], sum, 'PX', ARGV[3])
            return sum""");

    private final Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output;
    private final byte[] source;
    private final byte[] digest;

    private Script(Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output, String source) {
        this.output = output;
        this.source = source.getBytes(StandardCharsets.US_ASCII);
        this.digest = sha1(this.source);
    }

    Request<T> byDigest(List<byte[]> keys, List<byte[]> arguments) {
        return request(CommandType.EVALSHA, digest, keys, arguments);
    }

    Request<T> inFull(List<byte[]> keys, List<byte[]> arguments) {
        return request(CommandType.EVAL, source, keys, arguments);
    }

    private Request<T> request(CommandType type, byte[] script, List<byte[]> keys, List<byte[]> arguments) {
        CommandArgs<byte[], byte[]> whole = Request.noArguments().add(script).add(keys.size());
        keys.forEach(whole::addKey);
        arguments.forEach(whole::add);
        return new Request<>(type, whole, output);
    }

    private static byte[] sha1(byte[] source) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(source);
            return HexFormat.of().formatHex(digest).getBytes(StandardCharsets.US_ASCII);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }
}
