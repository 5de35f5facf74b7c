"""Which tests hold each kind of hostile input that once failed: the table, and that they are there.

Tests are named as pytest does, from this folder; a name without ``::`` stands for all of a file.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROWS = {
    "functions within functions": (
        "graph/test_budget.py::test_functions_are_counted_before_they_are_inlined",
    ),
    "folding that takes for ever": (
        "graph/test_budget.py::test_a_pool_over_constants_is_left_to_onnx_runtime",
        "graph/test_budget.py::test_work_on_constants_is_counted",
        "graph/test_budget.py::test_time_on_constants_is_measured_should_the_count_be_wrong",
        "graph/test_budget.py::test_what_may_take_for_ever_on_a_single_number_is_left_to_onnx_runtime",
    ),
    "loops without end": (
        "graph/test_rounds.py::test_too_many_rounds_are_refused",
        "graph/test_rounds.py::test_a_loop_without_a_limit_and_an_end_is_refused",
        "adapters/test_ort_deadline.py::test_a_run_without_end_is_ended",
    ),
    "layers that take seconds each": (
        "network/test_concrete_shapes.py::test_a_small_file_that_asks_for_much_is_refused_before_it_runs",
    ),
    "the sum of folded constants": (
        "graph/test_budget.py::test_results_of_constants_are_counted_together",
        "graph/test_budget.py::test_what_is_left_to_onnx_runtime_is_counted_too",
        "graph/test_fold.py::test_a_huge_result_is_not_even_computed",
    ),
    "memory without limit": (
        "adapters/test_ort_deadline.py::test_what_onnx_runtime_holds_is_under_the_budget_of_memory",
        "network/test_concrete_shapes.py::test_a_measured_tensor_that_is_too_large_is_named",
        "graph/test_held.py::test_what_is_too_long_or_too_large_is_refused_by_name",
        "adapters/test_placement.py::test_pictures_run_one_by_one_or_as_many_as_the_file_wants",
    ),
    "headers that claim gigabytes": (
        "explanations/test_npz.py::test_a_damaged_file_is_refused_in_one_line",
        "inputs/test_array_file.py::test_a_header_that_promises_more_than_the_file_holds",
        "inputs/test_preprocess_record.py",
    ),
    "random numbers that end the process": (
        "graph/test_budget.py::test_distributions_that_there_are_not_are_refused",
    ),
    "shapes that end the process": (
        "graph/test_lengths.py",
        "graph/test_budget.py::test_negative_repeats_are_refused",
        "graph/test_budget.py::test_a_place_in_front_of_a_shape_is_refused",
    ),
    "names that are not UTF-8": (
        "graph/test_hostile_text.py::test_a_text_that_is_not_utf_8_is_one_line",
        "cli/test_hostile_folder.py::test_explain",
        "cli/test_hostile_folder.py::test_audit_and_going_on",
        "test_text.py::test_what_is_shown",
    ),
    "strings, dims, types, outputs that are constants": (
        "graph/test_hostile_text.py::test_an_output_that_nothing_computes",
        "graph/test_hostile_text.py::test_an_element_type_that_does_not_exist",
        "graph/test_stated_sizes.py",
        "hostile/test_hostile.py::test_every_case_ends_in_an_answer_or_one_line",
    ),
    "numbers without end": (
        "graph/test_hostile_text.py::test_numbers_without_end_in_metadata",
        "test_files.py::test_numbers_that_nobody_can_compute_with",
        "test_files.py::test_a_number_of_many_digits_is_one_line",
    ),
    "NUL, encrypted and deep files": (
        "test_files.py::test_a_nul_is_no_text",
        "test_files.py::test_what_cannot_be_read_is_one_line",
        "explanations/test_npz.py::test_a_damaged_file_is_refused_in_one_line",
        "explanations/test_explanation.py::test_an_element_type_that_numpy_would_parse_is_refused",
    ),
    "records that lead out of their folder": (
        "cli/test_report.py::test_data_that_a_record_names_are_not_read_unless_told",
        "cli/test_report.py::test_neither_patterns_nor_tables_lead_out_of_the_folder",
        "audit/test_sources.py",
        "audit/test_named_files.py",
    ),
    "stores with views and maps of a wrong size": (
        "audit/test_stored.py::test_a_view_in_the_place_of_a_table_is_refused",
        "audit/test_stored.py::test_a_map_of_a_wrong_size_is_one_line",
        "audit/test_stored.py::test_a_map_that_is_no_numbers_is_one_line",
    ),
    "a report elsewhere": ("cli/test_report.py::test_a_folder_that_nobody_may_write_to_is_read",),
    "pipes and devices": (
        "test_files.py::test_pipes_and_devices_are_not_read",
        "graph/test_hostile_text.py::test_a_model_file_that_is_no_file",
    ),
    "tables and names of any size": (
        "inputs/test_dataset.py::test_a_table_of_more_rows_than_the_limit",
        "inputs/test_label_table.py::test_more_rows_than_the_limit",
        "test_files.py::test_a_file_may_have_so_many_bytes_and_no_more",
        "graph/test_budget.py::test_an_endless_name_is_refused",
    ),
    "closed and full streams": ("cli/test_streams.py", "cli/test_streams_of_all.py"),
    "lines of libraries": (
        "cli/test_streams.py::test_what_libraries_print_is_neither_result_nor_error",
    ),
    "files that are not on the disk": (
        "test_files.py::test_a_file_is_on_the_disk_before_it_has_its_name",
        "crash/test_crash.py",
    ),
    "an output folder that is removed": (
        "audit/test_store.py::test_a_store_that_is_removed_meanwhile_is_an_error",
    ),
    "pictures that decoders trip over": (
        "inputs/test_image.py",
        "inputs/test_image.py::test_a_row_is_read_in_one_piece",
        "cli/test_lost_pictures.py",
    ),
    "requests to stop": ("cli/test_unanswered.py", "cli/test_worker.py"),
}


@pytest.mark.parametrize("row", ROWS)
def test_each_kind_has_its_tests(row):
    for name in ROWS[row]:
        file, _, test = name.partition("::")
        text = (HERE / file).read_text("utf-8")
        assert f"def {test or 'test_'}" in text, name
