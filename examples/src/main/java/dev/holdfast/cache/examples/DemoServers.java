package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;

/** What the demo takes away and brings back. */
interface DemoServers extends AutoCloseable {

    /** What an application would have in its environment to use them. */
    Settings settings();

    /** The name of their tier. */
    String type();

    /** The order in which tiers answer. */
    default String tiers() {
        return type() + " > memory";
    }

    /** How many seconds go by before what all demos show begins. */
    default int prelude() {
        return 0;
    }

    /**
     * What besides happens to them.
     *
     * @param second of the demo, negative in the prelude
     * @return what did happen, for people; empty if nothing
     */
    default String also(int second) {
        return "";
    }

    /** SIGKILL. */
    void kill();

    /** Starts them again with the data they had, and returns when they answer. */
    void restart();

    /** How many entries they hold. */
    long entries();

    /** Whether they hold this key, asked past the cache. */
    boolean holds(String key);

    @Override
    void close();
}
