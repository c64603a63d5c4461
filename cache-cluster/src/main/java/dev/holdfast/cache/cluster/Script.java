package dev.holdfast.cache.cluster;

import dev.holdfast.cache.spi.RedisScript;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.ArrayOutput;
import io.lettuce.core.output.ByteArrayOutput;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.output.IntegerOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.util.List;
import java.util.function.Function;

/**
 * A script and how its answer is read.
 *
 * @param <T> what it returns
 */
final class Script<T> {
    static final Script<Long> REPLACE = number(RedisScript.REPLACE);
    static final Script<Long> REMOVE_HEADED = number(RedisScript.REMOVE_HEADED);
    static final Script<List<Object>> BEAT = new Script<>(RedisScript.BEAT, ArrayOutput::new);

    private final RedisScript script;
    private final Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output;

    private Script(RedisScript script, Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output) {
        this.script = script;
        this.output = output;
    }

    /** One that answers a number. */
    static Script<Long> number(RedisScript script) {
        return new Script<>(script, IntegerOutput::new);
    }

    /** One that answers a number in digits. */
    static Script<byte[]> sum(RedisScript script) {
        return new Script<>(script, ByteArrayOutput::new);
    }

    Request<T> byDigest(List<byte[]> keys, List<byte[]> arguments) {
        return request(CommandType.EVALSHA, script.sha1(), keys, arguments);
    }

    Request<T> inFull(List<byte[]> keys, List<byte[]> arguments) {
        return request(CommandType.EVAL, script.text(), keys, arguments);
    }

    private Request<T> request(CommandType type, String text, List<byte[]> keys, List<byte[]> arguments) {
        CommandArgs<byte[], byte[]> whole = Request.noArguments().add(text).add(keys.size());
        keys.forEach(whole::addKey);
        arguments.forEach(whole::add);
        return new Request<>(
                type,
                whole,
                output,
                arguments.stream().mapToLong(argument -> argument.length).sum());
    }
}
