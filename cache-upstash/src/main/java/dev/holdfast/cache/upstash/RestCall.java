package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
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

    private static final int PIECE_BYTES = 64 * 1024;

    private final List<Command> commands;
    private final boolean pipeline;
    private final Kind kind;
    private final Listening listening = new Listening();
    private volatile boolean started;
    private volatile @Nullable Call call;
    private volatile @Nullable Thread thread;
    /** By {@link System#nanoTime()}; 0 if it is not under way, or was ended because of it. */
    private volatile long deadline;

    private volatile boolean cancelled;
    private volatile boolean overdue;

    // What became of its dials; only its own thread's.
    private boolean admitted;
    private boolean turn;
    private boolean connected;
    private boolean answered;
    private @Nullable IOException dialFailure;

    // On what it was sent; only its own thread's.
    private @Nullable FramedSocket connection;
    private boolean multiplexed;
    private long sentAt;

    private enum Kind {
        FIRST,
        REPETITION,
        SUSPECT,
        PROBE
    }

    private RestCall(List<Command> commands, boolean pipeline, Kind kind) {
        this.commands = commands;
        this.pipeline = pipeline;
        this.kind = kind;
    }

    static RestCall one(Command command) {
        return new RestCall(List.of(command), false, Kind.FIRST);
    }

    /** A command as a pipeline of one: its answer has a shape that the answer to a single command has not. */
    static RestCall oneInPipeline(Command command) {
        return new RestCall(List.of(command), true, Kind.FIRST);
    }

    /**
     * A command that has been sent before, on another connection.
     *
     * @param inPipeline whether as {@link #oneInPipeline}
     */
    static RestCall again(Command command, boolean inPipeline) {
        return new RestCall(List.of(command), inPipeline, Kind.REPETITION);
    }

    /** A command that may break its connection, see {@link Suspects}. */
    static RestCall suspect(Command command) {
        return new RestCall(List.of(command), false, Kind.SUSPECT);
    }

    /** Several commands of one request that may break its connection. */
    static RestCall suspect(List<Command> commands) {
        return new RestCall(List.copyOf(commands), true, Kind.SUSPECT);
    }

    /** Several commands that have been sent before, on another connection. */
    static RestCall again(List<Command> commands) {
        return new RestCall(List.copyOf(commands), true, Kind.REPETITION);
    }

    /** A command by which something is found out about the database. */
    static RestCall question(Command command) {
        return new RestCall(List.of(command), false, Kind.PROBE);
    }

    static RestCall pipeline(List<Command> commands) {
        return new RestCall(List.copyOf(commands), true, Kind.FIRST);
    }

    static RestCall probe(List<Command> commands) {
        return new RestCall(List.copyOf(commands), true, Kind.PROBE);
    }

    boolean isPipeline() {
        return pipeline;
    }

    boolean isProbe() {
        return kind == Kind.PROBE;
    }

    boolean isRepetition() {
        return kind == Kind.REPETITION;
    }

    /** Whether it is sent by itself, since it may break its connection. */
    boolean isSuspect() {
        return kind == Kind.SUSPECT;
    }

    /** Whether it goes over the connections that calls share. */
    boolean isOnShared() {
        return kind == Kind.FIRST || kind == Kind.REPETITION;
    }

    /** Whether its effect is the same if it is executed twice. */
    boolean isHarmless() {
        return commands.stream().allMatch(Command::isHarmless);
    }

    boolean isReadOnly() {
        return commands.stream().allMatch(Command::isReadOnly);
    }

    Listening listening() {
        return listening;
    }

    List<Command> commands() {
        return commands;
    }

    /** What it is called in messages: never the arguments, which are keys and values. */
    String name() {
        return commands.size() > 1
                ? "pipeline of " + commands.size() + " commands"
                : commands.get(0).name();
    }

    boolean started() {
        return started;
    }

    /** Its request is about to be sent by the calling thread, and must have been answered to the last byte by then. */
    void begin(Call request, long until) {
        thread = Thread.currentThread();
        call = request;
        connection = null;
        deadline = until == 0 ? 1 : until;
    }

    /**
     * Its first byte is about to go out.
     *
     * @param isShared whether other requests are under way on the same connection, told apart by their numbers
     */
    void on(FramedSocket socket, boolean isShared, long now) {
        connection = socket;
        multiplexed = isShared;
        sentAt = now;
    }

    /** The connection on which it was sent last, or null. */
    @Nullable
    FramedSocket connection() {
        return connection;
    }

    boolean isMultiplexed() {
        return multiplexed;
    }

    /** When its first byte went out on that connection, by {@link System#nanoTime()}. */
    long sentAt() {
        return sentAt;
    }

    /** Its request has ended. */
    void end() {
        deadline = 0;
        thread = null;
        listening.end();
    }

    boolean isOn(Thread caller) {
        return thread == caller;
    }

    /** Until when its request must have ended; 0 if none is under way. */
    long deadline() {
        return deadline;
    }

    /** Ends its request, since that deadline is over. */
    void cancel(long until) {
        if (deadline == until) {
            overdue = true;
            deadline = 0;
            cancel();
        }
    }

    /** Ends its request: its connection is closed, and its thread waits no longer for a name or a turn. */
    void cancel() {
        cancelled = true;
        cancelCall();
        LockSupport.unpark(thread);
    }

    /** Closes its connection, since what is still to come is of no use. */
    void cancelCall() {
        Call request = call;
        if (request != null) {
            request.cancel();
        }
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** Whether its request was ended because its deadline was over. */
    boolean overdue() {
        return overdue;
    }

    /** Waits on its own thread for something that others bring about; false if the call ended before it. */
    @SuppressWarnings("FutureReturnValueIgnored") // what follows only wakes this thread
    boolean await(CompletableFuture<?> other) {
        Thread own = Thread.currentThread();
        if (!other.isDone()) {
            other.whenComplete((value, failure) -> LockSupport.unpark(own));
        }
        while (!other.isDone()) {
            long until = deadline;
            if (until != 0 && until - System.nanoTime() <= 0) {
                overdue = true;
                deadline = 0;
                return false;
            }
            if (until == 0 || cancelled || own.isInterrupted()) {
                return false;
            }
            LockSupport.parkNanos(this, until - System.nanoTime());
        }
        return true;
    }

    boolean isAdmitted() {
        return admitted;
    }

    /**
     * It may dial.
     *
     * @param itsTurn whether nobody else may until it has ended
     */
    void admitted(boolean itsTurn) {
        admitted = true;
        turn = itsTurn;
    }

    boolean hasTurn() {
        return turn;
    }

    void connected() {
        connected = true;
    }

    boolean isConnected() {
        return connected;
    }

    /** Its peer said something to it. */
    void answered() {
        answered = true;
    }

    boolean isAnswered() {
        return answered;
    }

    void dialFailed(IOException e) {
        dialFailure = e;
    }

    @Nullable
    IOException dialFailure() {
        return dialFailure;
    }

    /** How many bytes the body of its answer may have. */
    long maxAnswerBytes(long largest, long largestValue) {
        long sum = 64;
        for (Command command : commands) {
            sum += command.maxAnswerBytes(largest, largestValue) + 1;
        }
        // A pipeline of reads may answer with more than a single command, but not with all that they could ask for.
        return Math.min(sum, largest * 8);
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
            write(commands.get(0).json(), sink);
            return;
        }
        char separator = '[';
        for (Command command : commands) {
            sink.writeByte(separator);
            write(command.json(), sink);
            separator = ',';
        }
        sink.writeByte(']');
    }

    /** As long as the connection takes some of it, it is not silent. */
    private void write(byte[] json, BufferedSink sink) throws IOException {
        for (int from = 0; from < json.length; from += PIECE_BYTES) {
            sink.write(json, from, Math.min(PIECE_BYTES, json.length - from));
            listening.sent(System.nanoTime());
        }
    }
}
