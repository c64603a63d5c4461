package dev.holdfast.cache.client;

import org.slf4j.helpers.BasicMDCAdapter;
import org.slf4j.simple.SimpleServiceProvider;
import org.slf4j.spi.MDCAdapter;

/** What the tests log with. */
public final class SimpleLoggingWithMdc extends SimpleServiceProvider {
    private final MDCAdapter mdc = new BasicMDCAdapter();

    /** For slf4j. */
    public SimpleLoggingWithMdc() {}

    @Override
    public MDCAdapter getMDCAdapter() {
        return mdc;
    }
}
