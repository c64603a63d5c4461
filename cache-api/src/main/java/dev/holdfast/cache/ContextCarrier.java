package dev.holdfast.cache;

/**
 * Takes what belongs to a thread (a security context, a trace, a tenant) from the caller to the thread on which its load
 * runs. Needed only for loads in the background: refresh ahead, soft timeout, the asynchronous view. slf4j's MDC is
 * carried anyway. One that fails, or does not run its task, fails that load; what the store can answer it does not touch. For any
 * number of threads.
 */
@FunctionalInterface
public interface ContextCarrier {

    /**
     * Captures the calling thread's context.
     *
     * @param task what will run elsewhere
     * @return a task that sets the captured context, runs {@code task}, and takes the context away again however it ends
     */
    Runnable carry(Runnable task);
}
