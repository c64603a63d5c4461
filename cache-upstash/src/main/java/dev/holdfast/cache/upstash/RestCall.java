package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.util.List;
import okhttp3.MediaType;
import okhttp3.RequestBody;
import okio.BufferedSink;

/**
 * One request's body: a command, or several as a pipeline. One-shot, so that OkHttp never sends it a second time on its
 * own, and it remembers whether its first byte was written: from then on the commands may have been executed.
 */
final class RestCall extends RequestBody {
    private static final MediaType JSON = MediaType.get("application/json");

    private final List<Command> commands;
    private final boolean pipeline;
    private volatile boolean started;

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
