package dev.holdfast.cache.cluster;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.Command;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.util.function.Function;

/**
 * What is asked of a server, as often as it takes: Lettuce's commands can be sent but once.
 *
 * @param type the command's name
 * @param arguments what follows it
 * @param output makes the reader of the reply
 * @param bytes how large what is sent is, about
 * @param <T> the reply
 */
record Request<T>(
        ProtocolKeyword type,
        CommandArgs<byte[], byte[]> arguments,
        Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output,
        long bytes) {

    Request(
            ProtocolKeyword type,
            CommandArgs<byte[], byte[]> arguments,
            Function<ByteArrayCodec, CommandOutput<byte[], byte[], T>> output) {
        this(type, arguments, output, 0);
    }

    /** Arguments to begin with. */
    static CommandArgs<byte[], byte[]> noArguments() {
        return new CommandArgs<>(ByteArrayCodec.INSTANCE);
    }

    /** A command to be sent, and the future of its reply. */
    AsyncCommand<byte[], byte[], T> command() {
        return new AsyncCommand<>(new Command<>(type, output.apply(ByteArrayCodec.INSTANCE), arguments));
    }

    /** The same for whoever takes replies of any kind: they are only read. */
    @SuppressWarnings("unchecked")
    Request<Object> widened() {
        return (Request<Object>) this;
    }
}
