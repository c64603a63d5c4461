/** A program that says whether an environment is ready for an application with this cache. */
@NullMarked
package dev.holdfast.cache.validation;

import org.jspecify.annotations.NullMarked;
