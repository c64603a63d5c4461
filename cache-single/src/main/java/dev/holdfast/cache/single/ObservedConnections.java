package dev.holdfast.cache.single;

import dev.holdfast.cache.CallObserver;
import dev.holdfast.cache.CallObservers;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.redis.Authentication;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells observers of the calls that go over the connections. */
final class ObservedConnections implements Connections {
    private final Connections connections;
    private final CallObservers observers;
    private final String address;

    ObservedConnections(Connections connections, CallObservers observers, String address) {
        this.connections = connections;
        this.observers = observers;
        this.address = address;
    }

    @Override
    public <T extends @Nullable Object> T call(Request command, Reply<T> type, long start, long until) {
        CallObserver.Ended observed = observers.began(command.name(), address);
        Throwable failure = null;
        try {
            return connections.call(command, type, start, until);
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            observed.ended(failure);
        }
    }

    @Override
    public List<@Nullable Object> callAll(List<Request> commands, long start, long until) {
        CallObserver.Ended observed = observers.beganPipeline(commands.get(0).name(), address);
        Throwable failure = null;
        try {
            return connections.callAll(commands, start, until);
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            observed.ended(failure);
        }
    }

    @Override
    public void renew() {
        connections.renew();
    }

    @Override
    public void disconnect(Throwable cause) {
        connections.disconnect(cause);
    }

    @Override
    public void switchOver(Throwable why) {
        connections.switchOver(why);
    }

    @Override
    public void authenticate(Authentication words) {
        connections.authenticate(words);
    }

    @Override
    public void close() {
        connections.close();
    }

    @Override
    public PoolHealth figures() {
        return connections.figures();
    }
}
