package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One command of a request: either arguments for Redis, possibly with a change to be made to the reply, or an answer that is
 * known without Redis (most often a refusal). Immutable.
 */
final class RestCommand {
    /** Makes of Redis' reply what Upstash answers; may ask more of the same connection. */
    interface ReplyChange {
        ReplyChange NONE = (reply, redis) -> reply;

        @Nullable
        Object apply(@Nullable Object reply, RespConnection redis) throws IOException;
    }

    final List<byte[]> args;
    final ReplyChange change;
    final @Nullable Object answer;

    private RestCommand(List<byte[]> args, ReplyChange change, @Nullable Object answer) {
        this.args = args;
        this.change = change;
        this.answer = answer;
    }

    static RestCommand of(List<byte[]> args) {
        return new RestCommand(args, ReplyChange.NONE, null);
    }

    static RestCommand refused(String error) {
        return new RestCommand(List.of(), ReplyChange.NONE, new RespError(error));
    }

    RestCommand refuse(String error) {
        return answered(new RespError(error));
    }

    RestCommand answered(Object reply) {
        return new RestCommand(args, change, reply);
    }

    RestCommand rewritten(List<byte[]> newArgs, ReplyChange newChange) {
        return new RestCommand(newArgs, newChange, answer);
    }

    @Nullable
    RespError refusal() {
        return answer instanceof RespError error ? error : null;
    }

    /** The name in upper case, or the empty string. */
    String name() {
        return args.isEmpty() ? "" : upper(0);
    }

    /** An argument in upper case; for names and options only. */
    String upper(int index) {
        return new String(args.get(index), UTF_8).toUpperCase(Locale.ROOT);
    }

    long bytes() {
        long bytes = 0;
        for (byte[] arg : args) {
            bytes += arg.length;
        }
        return bytes;
    }
}
