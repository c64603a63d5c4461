package dev.holdfast.streams;

/**
 * Does the work of a {@link RequestServer}, on as many threads at a time as it has terminals. Virtual threads where the JVM has
 * them.
 */
@FunctionalInterface
public interface RequestHandler {

    /**
     * Answers a request.
     *
     * @param request the request
     * @return the answer, not null; it must not change any more. More than {@link StreamsConfig#maxPayloadBytes()} bytes are a failure
     * @throws RequestFailedException if the request has no result and is not to be tried again; its caller gets the message
     * @throws Exception if this attempt failed, {@link Error}s included: the request is tried again, after {@link
     *     StreamsConfig#maxDeliveries()} times it becomes a dead letter, and its caller gets the last message as a {@link
     *     RequestFailedException}. If the thread is interrupted, the server's grace is over, and the request stays for another
     */
    byte[] handle(Request request) throws Exception;
}
