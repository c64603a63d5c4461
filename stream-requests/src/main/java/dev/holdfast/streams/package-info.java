/**
 * Request and reply over Redis Streams: a {@link dev.holdfast.streams.RequestClient} hands a request to whichever {@link
 * dev.holdfast.streams.RequestServer} has a free terminal, anywhere, and waits for the answer. What a worker held when it died is
 * taken over by another.
 *
 * <pre>{@code
 * StreamsConfig config = StreamsConfig.single("redis://localhost:6379");
 * RequestServer server = RequestServer.start(config, 5, request -> work(request.payload()));
 *
 * RequestClient client = RequestClient.connect(config);
 * byte[] answer = client.callAndWait("order-4711", payload, Duration.ofSeconds(5));
 * }</pre>
 *
 * <p>A request is run at least once, if its time is not over before a terminal is free for it, and a caller gets one answer. A
 * caller that does not know what became of its request repeats it with the same id.
 */
package dev.holdfast.streams;
