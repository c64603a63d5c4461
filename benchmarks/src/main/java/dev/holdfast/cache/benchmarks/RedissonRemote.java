package dev.holdfast.cache.benchmarks;

import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.redisson.Redisson;
import org.redisson.api.RRemoteService;
import org.redisson.api.RedissonClient;
import org.redisson.api.RemoteInvocationOptions;
import org.redisson.config.Config;

/** Redisson's remote service, without its acknowledgement: with it a call fails if no worker is free within a second. */
final class RedissonRemote implements StreamPeers.Peer {
    /** What is called. */
    public interface Work {
        /** Returns its argument, later. */
        String work(String text);
    }

    private static RedissonClient client(String url) {
        Config config = new Config();
        config.useSingleServer().setAddress(url);
        return Redisson.create(config);
    }

    @Override
    public void work(String url, long workMillis) {
        RRemoteService service = client(url).getRemoteService("peers");
        service.register(
                Work.class,
                text -> {
                    try {
                        Thread.sleep(workMillis);
                        return text;
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                StreamWorker.TERMINALS,
                Executors.newFixedThreadPool(StreamWorker.TERMINALS));
    }

    @Override
    public StreamPeers.Callers callers(String url) {
        RedissonClient client = client(url);
        Work work = client.getRemoteService("peers")
                .get(
                        Work.class,
                        RemoteInvocationOptions.defaults()
                                .noAck()
                                .expectResultWithin(StreamPeers.LIMIT.toSeconds(), TimeUnit.SECONDS));
        return new StreamPeers.Callers() {
            @Override
            public String call(String text) {
                return work.work(text);
            }

            @Override
            public void close() {
                client.shutdown();
            }
        };
    }
}
