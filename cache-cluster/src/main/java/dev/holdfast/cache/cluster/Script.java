package dev.holdfast.cache.cluster;

import dev.holdfast.cache.RedisScript;
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
    static final Script<Long> REPLACE = new Script<>(RedisScript.REPLACE, IntegerOutput::new);
    static final Script<Long> REMOVE_LEAVING = new Script<>(RedisScript.REMOVE_LEAVING, IntegerOutput::new);
    static final Script<Long> REMOVE_HEADED = new Script<>(RedisScript.REMOVE_HEADED, IntegerOutput::new);
    static final Script<Long> REMOVE = new Script<>(RedisScript.REMOVE, IntegerOutput::new);
    static final Script<Long> PERSIST = new Script<>(RedisScript.PERSIST, IntegerOutput::new);
    static final Script<byte[]> INCREMENT = new Script<>(RedisScript.INCREMENT, ByteArrayOutput::new);
    static final Script<List<Object>> BEAT = new Script<>(RedisScript.BEAT, ArrayOutput::new);
    static final Script<byte[]> INCREMENT_ONCE = new Script<>(RedisScript.INCREMENT_ONCE, ByteArrayOutput::new);

    private final RedisScript script;
    private final Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output;

    private Script(RedisScript script, Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output) {
        this.script = script;
        this.output = output;
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
