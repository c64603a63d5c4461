package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.util.List;
import okhttp3.Call;
import okhttp3.MediaType;
import okhttp3.RequestBody;
import okio.BufferedSink;
import org.jspecify.annotations.Nullable;

/**
 * One request's body: a command, or several as a pipeline. One-shot, so that OkHttp never sends it a second time on its
 * own, and it remembers whether its first byte was written: from then on the commands may have been executed.
 */
final class RestCall extends RequestBody {
    private static final MediaType JSON = MediaType.get("application/json");

    private final List<Command> commands;
    private final boolean pipeline;
    private volatile boolean started;
    private volatile @Nullable Call call;
    /** By {@link System#nanoTime()}; 0 if it is not under way, or was ended because of it. */
    private volatile long deadline;

    private volatile boolean overdue;

    RestCall(Command command) {
        this.commands = List.of(command);
        this.pipeline = false;
    }

    RestCall(List<Command> commands) {
        this.commands = List.copyOf(commands);
        this.pipeline = true;
    }

    boolean isPipeline() {
        return pipeline;
    }

    int size() {
        return commands.size();
    }

    /** What it is called in messages: never the arguments, which are keys and values. */
    String name() {
        return pipeline
                ? "pipeline of " + commands.size() + " commands"
                : commands.get(0).name();
    }

    boolean started() {
        return started;
    }

    /** Its request is about to be sent, and must have been answered to the last byte by then. */
    void begin(Call request, long until) {
        call = request;
        deadline = until == 0 ? 1 : until;
    }

    /** Its request has ended. */
    void end() {
        deadline = 0;
    }

    /** Until when its request must have ended; 0 if none is under way. */
    long deadline() {
        return deadline;
    }

    /** Ends its request, since that deadline is over. */
    void cancel(long until) {
        Call request = call;
        if (request != null && deadline == until) {
            overdue = true;
            deadline = 0;
            request.cancel();
        }
    }

    /** Whether its request was ended because its deadline was over. */
    boolean overdue() {
        return overdue;
    }

    @Override
    public MediaType contentType() {
        return JSON;
    }

    @Override
    public boolean isOneShot() {
        return true;
    }

    @Override
    public long contentLength() {
        long length = pipeline ? 1L + commands.size() : 0;
        for (Command command : commands) {
            length += command.json().length;
        }
        return length;
    }

    @Override
    public void writeTo(BufferedSink sink) throws IOException {
        started = true;
        if (!pipeline) {
            sink.write(commands.get(0).json());
            return;
        }
        char separator = '[';
        for (Command command : commands) {
            sink.writeByte(separator);
            sink.write(command.json());
            separator = ',';
        }
        sink.writeByte(']');
    }
}
